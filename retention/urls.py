"""Pages of the retention app."""

from __future__ import annotations

from django.urls import path

from retention.pages import (
    case,
    complaints,
    customer,
    customers,
    exports,
    find,
    home,
    privacy,
    queue,
    reminders,
    rules,
    sweeps,
    work,
)
from retention.pages.file import contact, finding
from retention.pages.file import customer as file_customer

app_name = "retention"
urlpatterns = [
    path("", home.home, name="home"),
    path("queue/", queue.queue_page, name="queue"),
    path("queue/export/", exports.export_queue, name="export_queue"),
    path("queue/assign/", queue.queue_assign, name="queue_assign"),
    path("cases/<int:pk>/", case.case_page, name="case"),
    path("cases/<int:pk>/call/", case.case_call, name="case_call"),
    path("cases/<int:pk>/plan/", case.case_plan, name="case_plan"),
    path("cases/<int:pk>/diagnose/", case.case_diagnose, name="case_diagnose"),
    path("cases/<int:pk>/close/", case.case_close, name="case_close"),
    path("cases/<int:pk>/assign/", case.case_assign, name="case_assign"),
    path("cases/<int:pk>/take/", case.case_take, name="case_take"),
    path("customers/", customers.customer_list, name="customer_list"),
    path("customers/export/", exports.export_customers, name="export_customers"),
    path("customers/find/", find.customer_find, name="customer_find"),
    path("customers/new/", file_customer.customer_new, name="customer_new"),
    path("customers/names/", finding.customer_names, name="customer_names"),
    path("customers/<int:pk>/edit/", file_customer.customer_edit, name="customer_edit"),
    path("customers/<int:pk>/contacts/new/", contact.contact_new, name="contact_new"),
    path("contacts/<int:pk>/", contact.contact_edit, name="contact_edit"),
    path("contacts/<int:pk>/main/", contact.contact_main, name="contact_main"),
    path("customers/<int:pk>/", customer.customer_page, name="customer"),
    path("customers/<int:pk>/interaction/", customer.customer_interaction, name="customer_interaction"),
    path("customers/<int:pk>/complaint/", customer.customer_complaint, name="customer_complaint"),
    path("customers/<int:pk>/case/", customer.customer_case, name="customer_case"),
    path("customers/<int:pk>/plan/", customer.customer_plan, name="customer_plan"),
    path("customers/<int:pk>/reminder/", customer.customer_reminder, name="customer_reminder"),
    path("customers/<int:pk>/owner/", customer.customer_owner, name="customer_owner"),
    path("customers/<int:pk>/privacy/", privacy.customer_privacy, name="customer_privacy"),
    path("customers/<int:pk>/privacy/consent/", privacy.consent, name="customer_privacy_consent"),
    path("customers/<int:pk>/privacy/object/", privacy.objection, name="customer_privacy_object"),
    path("customers/<int:pk>/privacy/lift/", privacy.lift, name="customer_privacy_lift"),
    path("complaints/export/", exports.export_complaints, name="export_complaints"),
    path("complaints/", complaints.complaint_list, name="complaint_list"),
    *(
        path(f"complaints/<int:pk>/{act}/", complaints.complaint_act, {"act": act}, name="complaint_act")
        for act in complaints.COMPLAINT_ACTS
    ),
    path("reminders/", reminders.reminder_list, name="reminder_list"),
    path("reminders/<int:pk>/done/", reminders.reminder_done, name="reminder_done"),
    path("reminders/<int:pk>/move/", reminders.reminder_move, name="reminder_move"),
    path("rules/", rules.rule_list, name="rule_list"),
    path("rules/<int:pk>/switch/", rules.rule_switch, name="rule_switch"),
    path("sweeps/", sweeps.sweep_list, name="sweep_list"),
    path("sweeps/<int:pk>/", sweeps.sweep_page, name="sweep"),
    path("settings/background/", work.work_page, name="work"),
    path("settings/background/retry/", work.work_retry, name="work_retry"),
]

"""Pages of the retention app."""

from __future__ import annotations

from django.urls import path

from retention.pages import (
    backtest,
    calendar_link,
    case,
    complaints,
    contract_by_hand,
    contracts,
    customer,
    customers,
    dealings,
    duplicates,
    erasing,
    exports,
    find,
    home,
    merging,
    privacy,
    queue,
    reminders,
    rules,
    segments,
    sweeps,
    work,
)
from retention.pages.contract_forms import ACTS
from retention.pages.editor.views import condition_editor
from retention.pages.file import acts, contact, finding, page
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
    path("customers/duplicates/", duplicates.duplicate_list, name="duplicate_list"),
    path("customers/duplicates/<int:pk>/decide/", duplicates.duplicate_decide, name="duplicate_decide"),
    path("customers/<int:pk>/merge/<int:other>/", merging.customer_merge, name="customer_merge"),
    path("customers/merges/<int:pk>/", merging.merge_page, name="merge"),
    path("customers/merges/<int:pk>/undo/", merging.merge_undo, name="merge_undo"),
    path("customers/export/", exports.export_customers, name="export_customers"),
    path("customers/find/", find.customer_find, name="customer_find"),
    path("customers/new/", file_customer.customer_new, name="customer_new"),
    path("customers/names/", finding.customer_names, name="customer_names"),
    path("customers/<int:pk>/edit/", file_customer.customer_edit, name="customer_edit"),
    path("customers/<int:pk>/contacts/new/", contact.contact_new, name="contact_new"),
    path("contacts/<int:pk>/", contact.contact_edit, name="contact_edit"),
    path("customers/<int:pk>/file/", page.customer_file, name="customer_file"),
    path("customers/<int:pk>/file/need/", acts.customer_file_need, name="customer_file_need"),
    path("customers/<int:pk>/file/handle/", acts.customer_file_handle, name="customer_file_handle"),
    path("customers/<int:pk>/file/add/", acts.customer_file_attachment, name="customer_file_attachment"),
    path(
        "customers/<int:pk>/file/attributes/",
        acts.customer_file_attributes,
        name="customer_file_attributes",
    ),
    path("needs/<int:pk>/withdraw/", acts.need_withdraw, name="need_withdraw"),
    path("handles/<int:pk>/drop/", acts.handle_drop, name="handle_drop"),
    path("attachments/<int:pk>/", acts.attachment, name="attachment"),
    path("attachments/<int:pk>/remove/", acts.attachment_remove, name="attachment_remove"),
    path("contacts/<int:pk>/main/", contact.contact_main, name="contact_main"),
    path("customers/<int:pk>/", customer.customer_page, name="customer"),
    path("customers/<int:pk>/interaction/", customer.customer_interaction, name="customer_interaction"),
    path("customers/<int:pk>/complaint/", customer.customer_complaint, name="customer_complaint"),
    path("customers/<int:pk>/case/", customer.customer_case, name="customer_case"),
    path("customers/<int:pk>/plan/", customer.customer_plan, name="customer_plan"),
    path("customers/<int:pk>/reminder/", customer.customer_reminder, name="customer_reminder"),
    path("customers/<int:pk>/dealings/", dealings.dealings_page, name="customer_dealings"),
    path("customers/<int:pk>/dealings/order/", dealings.dealings_order, name="customer_dealings_order"),
    path(
        "customers/<int:pk>/dealings/orders/<int:order>/",
        dealings.dealings_delivery,
        name="customer_dealings_delivery",
    ),
    path("customers/<int:pk>/dealings/invoice/", dealings.dealings_invoice, name="customer_dealings_invoice"),
    path("customers/<int:pk>/dealings/payment/", dealings.dealings_payment, name="customer_dealings_payment"),
    path("customers/<int:pk>/dealings/usage/", dealings.dealings_usage, name="customer_dealings_usage"),
    path(
        "customers/<int:pk>/dealings/sighting/",
        dealings.dealings_sighting,
        name="customer_dealings_sighting",
    ),
    path(
        "customers/<int:pk>/dealings/indicator/",
        dealings.dealings_indicator,
        name="customer_dealings_indicator",
    ),
    path(
        "customers/<int:pk>/dealings/community/",
        dealings.dealings_community,
        name="customer_dealings_community",
    ),
    path(
        "customers/<int:pk>/dealings/community/<int:row>/leave/",
        dealings.dealings_leave,
        name="customer_dealings_leave",
    ),
    *(
        path(
            f"customers/<int:pk>/dealings/{what}/<int:row>/remove/",
            dealings.dealings_remove,
            {"what": what},
            name=f"customer_dealings_remove_{what}",
        )
        for what in dealings.REMOVES
    ),
    path("customers/<int:pk>/owner/", customer.customer_owner, name="customer_owner"),
    path("customers/<int:pk>/privacy/", privacy.customer_privacy, name="customer_privacy"),
    path("customers/<int:pk>/privacy/consent/", privacy.consent, name="customer_privacy_consent"),
    path("customers/<int:pk>/privacy/object/", privacy.objection, name="customer_privacy_object"),
    path("customers/<int:pk>/privacy/erase/", erasing.erase, name="customer_privacy_erase"),
    path("customers/<int:pk>/privacy/export/", erasing.export, name="customer_privacy_export"),
    path("customers/<int:pk>/privacy/lift/", privacy.lift, name="customer_privacy_lift"),
    path("customers/<int:pk>/contract/", contract_by_hand.contract_new, name="contract_new"),
    path("contracts/", contracts.contract_list, name="contract_list"),
    path("contracts/calendar/", calendar_link.calendar_link, name="calendar_link"),
    path("contracts/feed/<str:secret>.ics", calendar_link.calendar_feed, name="calendar_feed"),
    path("contracts/<int:pk>/", contracts.contract_page, name="contract"),
    path("contracts/<int:pk>/edit/", contract_by_hand.contract_edit, name="contract_edit"),
    *(
        path(f"contracts/<int:pk>/{act}/", contracts.contract_act, {"act": act}, name=f"contract_{act}")
        for act in ACTS
    ),
    path("settings/renewals/", contract_by_hand.renewal_settings, name="renewal_settings"),
    path("complaints/export/", exports.export_complaints, name="export_complaints"),
    path("complaints/", complaints.complaint_list, name="complaint_list"),
    *(
        path(f"complaints/<int:pk>/{act}/", complaints.complaint_act, {"act": act}, name="complaint_act")
        for act in complaints.COMPLAINT_ACTS
    ),
    path("reminders/", reminders.reminder_list, name="reminder_list"),
    path("reminders/<int:pk>/done/", reminders.reminder_done, name="reminder_done"),
    path("reminders/<int:pk>/move/", reminders.reminder_move, name="reminder_move"),
    path("segments/", segments.segment_list, name="segment_list"),
    path("segments/new/", segments.segment_new, name="segment_new"),
    path("segments/new/list/", segments.segment_new_list, name="segment_new_list"),
    path("segments/<slug:code>/", segments.segment_page, name="segment"),
    path("segments/<slug:code>/edit/", segments.segment_edit, name="segment_edit"),
    path("segments/<slug:code>/<slug:act>/", segments.segment_act, name="segment_act"),
    path("conditions/", condition_editor, name="condition_editor"),
    path("rules/", rules.rule_list, name="rule_list"),
    path("rules/<int:pk>/switch/", rules.rule_switch, name="rule_switch"),
    path("rules/<slug:code>/backtest/", backtest.rule_backtest, name="rule_backtest"),
    path("rules/<slug:code>/backtest/start/", backtest.rule_backtest_start, name="rule_backtest_start"),
    path("backtests/<int:pk>/cancel/", backtest.backtest_cancel, name="backtest_cancel"),
    path("sweeps/", sweeps.sweep_list, name="sweep_list"),
    path("sweeps/<int:pk>/", sweeps.sweep_page, name="sweep"),
    path("settings/background/", work.work_page, name="work"),
    path("settings/background/retry/", work.work_retry, name="work_retry"),
]

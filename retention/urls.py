"""Pages of the retention app."""

from __future__ import annotations

from django.urls import path

from retention.pages import case, queue

app_name = "retention"
urlpatterns = [
    path("queue/", queue.queue_page, name="queue"),
    path("queue/assign/", queue.queue_assign, name="queue_assign"),
    path("cases/<int:pk>/", case.case_page, name="case"),
    path("cases/<int:pk>/call/", case.case_call, name="case_call"),
    path("cases/<int:pk>/plan/", case.case_plan, name="case_plan"),
    path("cases/<int:pk>/diagnose/", case.case_diagnose, name="case_diagnose"),
    path("cases/<int:pk>/close/", case.case_close, name="case_close"),
    path("cases/<int:pk>/assign/", case.case_assign, name="case_assign"),
    path("cases/<int:pk>/take/", case.case_take, name="case_take"),
]

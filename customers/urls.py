"""Pages of the customers app."""

from __future__ import annotations

from django.urls import path

from customers.pages import people

app_name = "customers"
urlpatterns = [
    path("settings/users/", people.user_list, name="user_list"),
    path("settings/users/new/", people.user_new, name="user_new"),
    path("settings/users/<int:pk>/", people.user_edit, name="user_edit"),
    path("settings/users/<int:pk>/active/", people.user_set_active, name="user_set_active"),
    path("settings/teams/", people.team_list, name="team_list"),
    path("settings/teams/<int:pk>/", people.team_edit, name="team_edit"),
]

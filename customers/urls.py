"""Pages of the customers app."""

from __future__ import annotations

from django.urls import path

from customers.pages import (
    calendar,
    causes,
    company,
    first_week,
    imports,
    links,
    people,
    rates,
    regions,
    settings,
    tokens,
)

app_name = "customers"
urlpatterns = [
    path("imports/", imports.import_list, name="import_list"),
    path("imports/new/", imports.import_new, name="import_new"),
    path("imports/<int:pk>/", imports.import_detail, name="import_detail"),
    path("imports/<int:pk>/columns/", imports.import_columns, name="import_columns"),
    path("imports/<int:pk>/errors/", imports.import_errors, name="import_errors"),
    path("regions/", regions.region_lists, name="regions"),
    path("settings/", settings.settings_page, name="settings"),
    path("setup/", first_week.first_week_page, name="first_week"),
    path("setup/<str:secret>/", links.first_admin, name="first_admin"),
    path("join/<str:secret>/", links.join, name="join"),
    path("settings/company/", company.company_page, name="company"),
    path("settings/calendar/", calendar.calendar_page, name="calendar"),
    path("settings/calendar/add/", calendar.exception_add, name="calendar_add"),
    path("settings/calendar/<int:pk>/remove/", calendar.exception_remove, name="calendar_remove"),
    path("settings/rates/", rates.rate_list, name="rate_list"),
    path("settings/causes/", causes.cause_list, name="cause_list"),
    path("settings/causes/add/", causes.cause_add, name="cause_add"),
    path("settings/causes/<int:pk>/", causes.cause_edit, name="cause_edit"),
    path("settings/causes/<int:pk>/move/", causes.cause_move, name="cause_move"),
    path("settings/causes/<int:pk>/retire/", causes.cause_retire, name="cause_retire"),
    path("settings/tokens/", tokens.token_list, name="token_list"),
    path("settings/tokens/<int:pk>/revoke/", tokens.token_revoke, name="token_revoke"),
    path("settings/users/", people.user_list, name="user_list"),
    path("settings/users/new/", people.user_new, name="user_new"),
    path("settings/users/<int:pk>/", people.user_edit, name="user_edit"),
    path("settings/users/invite/", people.user_invite_all, name="user_invite_all"),
    path("settings/users/<int:pk>/invite/", people.user_invite, name="user_invite"),
    path("settings/users/<int:pk>/link/", people.user_link, name="user_link"),
    path("settings/users/<int:pk>/active/", people.user_set_active, name="user_set_active"),
    path("settings/teams/", people.team_list, name="team_list"),
    path("settings/teams/<int:pk>/", people.team_edit, name="team_edit"),
]

"""Pages of the customers app."""

from __future__ import annotations

from django.urls import path

from customers.pages import imports, people, recurring, regions, settings, tokens, undoing

app_name = "customers"
urlpatterns = [
    path("imports/", imports.import_list, name="import_list"),
    path("imports/new/", imports.import_new, name="import_new"),
    path("imports/<int:pk>/", imports.import_detail, name="import_detail"),
    path("imports/<int:pk>/columns/", imports.import_columns, name="import_columns"),
    path("imports/<int:pk>/errors/", imports.import_errors, name="import_errors"),
    path("regions/", regions.region_lists, name="regions"),
    path("settings/", settings.settings_page, name="settings"),
    path("imports/recurring/", recurring.profile_list, name="profile_list"),
    path("imports/recurring/<int:pk>/", recurring.profile_detail, name="profile_detail"),
    path("imports/recurring/<int:pk>/renew/", recurring.profile_renew, name="profile_renew"),
    path("imports/recurring/<int:pk>/revoke/", recurring.profile_revoke, name="profile_revoke"),
    path("imports/<int:pk>/repeat/", recurring.profile_new, name="profile_new"),
    path("imports/samples/<slug:code>/", imports.import_sample, name="import_sample"),
    path("imports/<int:pk>/undo/", undoing.import_undo, name="import_undo"),
    path("imports/<int:pk>/records/<slug:code>/", undoing.import_records, name="import_records"),
    path("settings/tokens/", tokens.token_list, name="token_list"),
    path("settings/tokens/<int:pk>/revoke/", tokens.token_revoke, name="token_revoke"),
    path("settings/users/", people.user_list, name="user_list"),
    path("settings/users/new/", people.user_new, name="user_new"),
    path("settings/users/<int:pk>/", people.user_edit, name="user_edit"),
    path("settings/users/<int:pk>/active/", people.user_set_active, name="user_set_active"),
    path("settings/teams/", people.team_list, name="team_list"),
    path("settings/teams/<int:pk>/", people.team_edit, name="team_edit"),
]

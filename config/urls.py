"""Every route, from the highest app to the lowest."""

from __future__ import annotations

from allauth.account import views as accounts
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path

from config import health, metrics
from customers.pages import language

# Signing up, adding addresses and confirming them are not offered, so they have no address.
_accounts = [
    path("login/", accounts.login, name="account_login"),
    path("logout/", accounts.logout, name="account_logout"),
    path("inactive/", accounts.account_inactive, name="account_inactive"),
    path("reauthenticate/", accounts.reauthenticate, name="account_reauthenticate"),
    path("password/change/", accounts.password_change, name="account_change_password"),
    path("password/set/", accounts.password_set, name="account_set_password"),
    path("password/reset/", accounts.password_reset, name="account_reset_password"),
    path("password/reset/done/", accounts.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        accounts.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/key/done/",
        accounts.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
]

handler400 = "config.refusals.bad_request"
handler403 = "config.refusals.permission_denied"
handler404 = "config.refusals.page_not_found"
handler500 = "config.refusals.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("accounts/", include(_accounts)),
    path("language/", language.set_language, name="set_language"),
    path("theme/", language.set_theme, name="set_theme"),
    path("admin/", admin.site.urls),
    path("api/", include("config.api")),
    path("", include("retention.urls")),
    path("", include("surveys.urls")),
    path("", include("loyalty.urls")),
    path("", include("customers.urls")),
]

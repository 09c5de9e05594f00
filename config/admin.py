"""Django's admin: a read-only window on every table (decision 17); whoever changes things uses a verb."""

from __future__ import annotations

from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress, EmailConfirmation
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import models
from django.http import HttpRequest

OURS = ["ground", "customers", "surveys", "loyalty", "retention"]
HIDDEN = {"wrapped", "sealed", "password"}  # keys are for nobody's eyes


class ReadOnly(admin.ModelAdmin):
    """Shows rows; adds, changes and deletes nothing."""

    show_full_result_count = False
    list_per_page = 50

    def __init__(self, model: type[models.Model], site: admin.AdminSite) -> None:
        fields = [field for field in model._meta.concrete_fields if field.name not in HIDDEN]
        shown = [field for field in fields if not isinstance(field, models.TextField)][:8]
        self.list_display = [field.name for field in shown]
        self.list_select_related = [field.name for field in shown if field.is_relation]
        self.fields = [field.name for field in fields]
        self.ordering = ["-pk"]
        super().__init__(model, site)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse."""
        return False


admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
# Roles stand on the user, and an address is changed by a verb that writes its audit event.
for _foreign in (Group, EmailAddress, EmailConfirmation):
    if admin.site.is_registered(_foreign):
        admin.site.unregister(_foreign)
for _label in OURS:
    for _model in apps.get_app_config(_label).get_models():
        if not _model._meta.is_composite_pk:  # the search's tokens, which say nothing new
            admin.site.register(_model, ReadOnly)

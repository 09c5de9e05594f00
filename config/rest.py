"""The API's default: no."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request


class DenyAll(BasePermission):
    """Refuse whatever has not declared who may call it."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return False

"""What a page answers before the company is set up: how to do it, calmly."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from customers.company import NoCompany
from customers.models.people import Role


class CompanyMissingMiddleware:
    """Answer 409 with what to do where a view needs the company and there is none."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Turn :class:`NoCompany` into a page, or into JSON for programs."""
        if not isinstance(error, NoCompany):
            return None
        if request.path.startswith("/api/"):
            return JsonResponse({"code": error.code, "message": str(error)}, status=409)
        context = {"may_set_up": getattr(request.user, "role", "") == Role.ADMIN}
        return render(request, "customers/company_missing.html", context, status=409)

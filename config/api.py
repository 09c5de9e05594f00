"""The API's addresses: every app's resources, the schema, its documentation, and the rest: 404."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path
from django.views.decorators.csrf import csrf_exempt
from rest_framework.routers import SimpleRouter

from customers.access import PUBLIC, allow
from customers.api.urls import RESOURCES as OF_CUSTOMERS
from customers.ground.api import problems
from retention.api.urls import RESOURCES as OF_RETENTION


@csrf_exempt
@allow(PUBLIC)
def nothing_here(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Answer 404 in the API's own shape."""
    return problems.respond(404, "not_found")


def _router(*resources: tuple[str, Any, str]) -> SimpleRouter:
    router = SimpleRouter()
    for prefix, resource, stem in resources:
        router.register(prefix, resource, basename=stem)
    return router


_v1 = [
    *_router(*OF_CUSTOMERS).urls,
    *_router(*OF_RETENTION).urls,
]

urlpatterns = [
    path("v1/", include((_v1, "api"))),
    re_path(r"^(?P<rest>.*)$", nothing_here),
]

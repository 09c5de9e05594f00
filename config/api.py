"""The API's addresses: every app's resources, the schema, its documentation, and the rest: 404."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny
from rest_framework.routers import SimpleRouter

from customers.access import ANYBODY_SIGNED_IN, PUBLIC, allow
from customers.api.urls import PATHS as PATHS_OF_CUSTOMERS
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


class SchemaView(SpectacularAPIView):
    """The OpenAPI document, for everybody: it tells no secret."""

    permission_classes = [AllowAny]
    authentication_classes = []


class DocsView(SpectacularSwaggerSplitView):
    """The documentation to read and to try, for colleagues who are signed in."""

    permission_classes = [AllowAny]  # the page asks ``allow`` below; its own calls ask the resources
    url_name = "api:schema"
    url_self = None
    template_name = "api/docs.html"
    template_name_js = "drf_spectacular/swagger_ui.js"


_v1 = [
    path("schema/", allow(PUBLIC)(SchemaView.as_view()), name="schema"),
    path("docs/", allow(*ANYBODY_SIGNED_IN)(DocsView.as_view()), name="docs"),
    *PATHS_OF_CUSTOMERS,
    *_router(*OF_CUSTOMERS).urls,
    *_router(*OF_RETENTION).urls,
]

urlpatterns = [
    path("v1/", include((_v1, "api"))),
    re_path(r"^(?P<rest>[\s\S]*)$", nothing_here),
]

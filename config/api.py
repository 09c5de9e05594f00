"""The API's addresses: every app's resources, the schema, its documentation, and the rest: 404."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path
from django.utils import translation
from django.utils.encoding import force_bytes
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.routers import SimpleRouter

from customers.access import ANYBODY_SIGNED_IN, PUBLIC, allow
from customers.api.urls import PATHS as PATHS_OF_CUSTOMERS
from customers.api.urls import RESOURCES as OF_CUSTOMERS
from customers.ground.api import problems
from loyalty.api.urls import PATHS as PATHS_OF_LOYALTY
from loyalty.api.urls import RESOURCES as OF_LOYALTY
from retention.api.urls import RESOURCES as OF_RETENTION
from surveys.api.urls import PATHS as PATHS_OF_SURVEYS
from surveys.api.urls import RESOURCES as OF_SURVEYS


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
    """The OpenAPI document, for everybody: it tells no secret.

    Drawing it takes half a second of a processor, so a process draws each kind of it once: anybody may
    ask as often as she likes.
    """

    permission_classes = [AllowAny]
    authentication_classes = []

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer with the document in the language of the product, in JSON or YAML as asked for."""
        renderer = request.accepted_renderer
        return HttpResponse(_document(type(renderer)), content_type=renderer.media_type)


@cache
def _document(renderer: type[BaseRenderer]) -> bytes:
    with translation.override(settings.LANGUAGE_CODE):
        drawn = SchemaGenerator().get_schema(request=None, public=True)
        text: str | bytes = renderer().render(drawn, renderer_context={})
    return force_bytes(text)


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
    *PATHS_OF_SURVEYS,
    *PATHS_OF_LOYALTY,
    *_router(*OF_CUSTOMERS).urls,
    *_router(*OF_SURVEYS).urls,
    *_router(*OF_LOYALTY).urls,
    *_router(*OF_RETENTION).urls,
]

urlpatterns = [
    path("v1/", include((_v1, "api"))),
    re_path(r"^(?P<rest>[\s\S]*)$", nothing_here),
]

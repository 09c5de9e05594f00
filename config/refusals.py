"""What the server answers when no view does: pages to people, problems to programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views import defaults

from customers.ground.api import problems


def _either(page: Callable[..., HttpResponse], code: str) -> Callable[..., HttpResponse]:
    def refuse(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.path.startswith("/api/"):
            return problems.respond(problems.CODES[code][0], code)
        return page(request, *args, **kwargs)

    return refuse


bad_request = _either(defaults.bad_request, "bad_request")
permission_denied = _either(defaults.permission_denied, "permission_denied")
page_not_found = _either(defaults.page_not_found, "not_found")
server_error = _either(defaults.server_error, "failed")

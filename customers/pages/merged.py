"""Old addresses of a customer that was merged into another lead to that one."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from customers import stubs
from customers.models import Customer

_ADDRESS = re.compile(r"^(?P<before>(?:/api/v1)?/customers/)(?P<pk>[0-9]{1,18})(?P<after>/.*)$")


class Elsewhere(HttpResponseRedirect):
    """Sends the caller to the same act on the other customer, with what was sent (307).

    Not for good: a merge can be taken back.
    """

    status_code = 307


class FollowMergesMiddleware:
    """Turn "not found" into the way to the survivor, for whoever may see that one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == 404:
            address = _address_now(request)
            if address:
                return Elsewhere(address)
        return response


def _address_now(request: HttpRequest) -> str:
    """Return the address of the survivor when the one asked for is a stub's, else ``""``."""
    found = _ADDRESS.match(request.path_info)
    user = getattr(request, "user", None)
    if found is None or user is None or not user.is_authenticated:
        return ""
    survivor = stubs.survivor_of(int(found["pk"]))
    if survivor is None:
        return ""
    visible = Customer.objects.visible_to(user).filter(pk=survivor)  # type: ignore[attr-defined]
    if not visible.exists():
        return ""
    query = request.META.get("QUERY_STRING", "")
    return f"{found['before']}{survivor}{found['after']}{'?' + query if query else ''}"

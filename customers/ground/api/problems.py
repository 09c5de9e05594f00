"""Every refusal in one shape: ``application/problem+json`` (RFC 9457) with a stable ``code``.

One handler turns whatever was raised into it: refusals of the product (409, their own code), what is
wrong with a request (400 with each error and where it stands), and what nobody expected (500).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.db import OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.settings import api_settings

from customers.ground import context
from customers.ground.errors import Refused

log = logging.getLogger("django.request")
MEDIA_TYPE = "application/problem+json"
BUSY_SECONDS = 2

CODES: dict[str, tuple[int, Any]] = {
    "malformed_json": (400, gettext_lazy("The body is not valid JSON.")),
    "validation_failed": (400, gettext_lazy("Some values are missing or wrong; see “errors”.")),
    "bad_parameter": (400, gettext_lazy("Some parameters of the address are wrong; see “errors”.")),
    "bad_request": (400, gettext_lazy("The request cannot be understood.")),
    "not_authenticated": (401, gettext_lazy("Send a token: “Authorization: Bearer liuke_…”.")),
    "token_unknown": (401, gettext_lazy("This token is not known.")),
    "token_expired": (401, gettext_lazy("This token has expired. Make a new one.")),
    "token_revoked": (401, gettext_lazy("This token was revoked.")),
    "user_inactive": (401, gettext_lazy("The account that this token belongs to is locked.")),
    "csrf_failed": (403, gettext_lazy("The CSRF token is missing or wrong.")),
    "address_not_allowed": (403, gettext_lazy("This token may not be used from your address.")),
    "role_not_allowed": (403, gettext_lazy("Your role does not allow this.")),
    "scope_missing": (403, gettext_lazy("The token lacks the scope that this call needs.")),
    "permission_denied": (403, gettext_lazy("You may not do this.")),
    "not_found": (404, gettext_lazy("There is nothing here, or nothing that you may see.")),
    "method_not_allowed": (405, gettext_lazy("This address does not take this method.")),
    "not_acceptable": (406, gettext_lazy("We answer in JSON only.")),
    "in_progress": (409, gettext_lazy("A request with this Idempotency-Key is being worked on.")),
    "answer_gone": (
        410,
        gettext_lazy("This call was done; what it answered was deleted since, because somebody was erased."),
    ),
    "stale": (412, gettext_lazy("Somebody else changed this meanwhile. Read it again, then change it.")),
    "too_large": (413, gettext_lazy("The body is too large.")),
    "unsupported_media_type": (415, gettext_lazy("This kind of body is not taken here.")),
    "key_reused": (422, gettext_lazy("This Idempotency-Key was sent with another request before.")),
    "key_required": (428, gettext_lazy("Send an Idempotency-Key with every call that changes something.")),
    "match_required": (428, gettext_lazy("Send If-Match with the ETag that you read.")),
    "throttled": (429, gettext_lazy("Too many requests. Wait as long as Retry-After says.")),
    "failed": (500, gettext_lazy("Something failed on our side. It was noted under the request's id.")),
    "busy": (503, gettext_lazy("The database is busy. Try again in a moment.")),
}
"""The codes of the platform itself: status and what they mean. Refusals of the product bring their own."""


class Problem(exceptions.APIException):
    """A refusal of the platform; ``values`` fill the detail's named placeholders."""

    def __init__(
        self, detail: str | Promise = "", *, headers: Mapping[str, str] | None = None, **values: Any
    ):
        self.headers = dict(headers or {})
        text = str(detail or self.default_detail)
        super().__init__(text % values if values else text)


class InvalidQuery(Problem):
    """Parameters of the address that are wrong: ``errors`` by parameter."""

    status_code = 400
    default_code = "bad_parameter"
    default_detail = CODES["bad_parameter"][1]

    def __init__(self, errors: Mapping[str, Any]) -> None:
        super().__init__()
        self.errors = errors


_OF_FRAMEWORK = {
    exceptions.NotAuthenticated: "not_authenticated",
    exceptions.NotFound: "not_found",
    Http404: "not_found",
    exceptions.PermissionDenied: "permission_denied",
    PermissionDenied: "permission_denied",
    exceptions.MethodNotAllowed: "method_not_allowed",
    exceptions.NotAcceptable: "not_acceptable",
    exceptions.UnsupportedMediaType: "unsupported_media_type",
    exceptions.ParseError: "bad_request",
    MultiPartParserError: "bad_request",
    RequestDataTooBig: "too_large",
    SuspiciousOperation: "bad_request",
}


def body(
    status: int, code: str, detail: str, *, errors: list[dict[str, str]] | None = None
) -> dict[str, Any]:
    """Return the members of a problem."""
    problem: dict[str, Any] = {
        "type": f"urn:liuke:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": context.current().request_id,
    }
    if errors is not None:
        problem["errors"] = errors
    return problem


def respond(
    status: int, code: str, detail: str = "", *, headers: Mapping[str, str] | None = None
) -> JsonResponse:
    """Return a problem from outside a resource (middleware, addresses that do not exist)."""
    problem = body(status, code, detail or str(CODES[code][1]))
    return JsonResponse(problem, status=status, headers=headers, content_type=MEDIA_TYPE)


def handle(error: Exception, where: dict[str, Any]) -> Response:
    """Turn what a resource raised into a problem (the framework's exception handler)."""
    status, code, detail, headers, errors = _read(error)
    if status >= 500:
        _note(error, where["request"]._request)
    response = Response(body(status, code, detail, errors=errors), status=status, headers=headers)
    response.content_type = MEDIA_TYPE
    return response


def _read(error: Exception) -> tuple[int, str, str, dict[str, str], list[dict[str, str]] | None]:
    """Return status, code, detail, headers and errors."""
    if isinstance(error, Refused):
        return 409, error.code, str(error), {}, None
    if isinstance(error, exceptions.ValidationError):
        errors = [
            _located("pointer", "#" + "".join(f"/{step}" for step in path), item)
            for path, item in leaves(error.detail)
        ]
        return 400, "validation_failed", str(CODES["validation_failed"][1]), {}, errors
    headers = _headers_of(error)
    if isinstance(error, InvalidQuery):
        errors = [_located("parameter", path[0], item) for path, item in leaves(error.errors)]
        return 400, "bad_parameter", str(error.detail), headers, errors
    if isinstance(error, Problem):
        return error.status_code, error.default_code, str(error.detail), headers, None
    if isinstance(error, OperationalError) and "locked" in str(error):
        return *_own("busy"), {"Retry-After": str(BUSY_SECONDS)}, None
    for kind, code in _OF_FRAMEWORK.items():
        if isinstance(error, kind):
            return *_own(code), headers, None
    return *_own("failed"), {}, None


def _own(code: str) -> tuple[int, str, str]:
    status, meaning = CODES[code]
    return status, code, str(meaning)


def _headers_of(error: Exception) -> dict[str, str]:
    headers = dict(getattr(error, "headers", {}))
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header  # type: ignore[attr-defined]
    return headers


def leaves(detail: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Walk the errors of a serializer: where each stands, and the error itself."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            here = path if name == api_settings.NON_FIELD_ERRORS_KEY else (*path, _step(name))
            yield from leaves(inner, here)
    elif isinstance(detail, list | tuple):
        for number, inner in enumerate(detail):
            nested = isinstance(inner, Mapping | list)
            yield from leaves(inner, (*path, str(number)) if nested else path)
    else:
        yield path, detail


def _step(name: object) -> str:
    """Escape a name for a JSON pointer (RFC 6901), without what no answer can carry."""
    text = str(name).encode("utf-8", "replace").decode()
    return text.replace("~", "~0").replace("/", "~1")


def _located(key: str, place: str, item: Any) -> dict[str, str]:
    return {key: place, "code": getattr(item, "code", None) or "invalid", "message": str(item)}


def _note(error: Exception, request: HttpRequest) -> None:
    """Report a failure as any page's: to the log, and to whoever listens for failed requests."""
    log.error(
        "Internal Server Error: %s",
        request.path,
        exc_info=error,
        extra={"request": request, "status_code": 500},
    )
    if not isinstance(error, OperationalError):
        got_request_exception.send(sender=None, request=request)


def title_of(status: int) -> str:
    """Return what a status means, in words."""
    return _(HTTPStatus(status).phrase)

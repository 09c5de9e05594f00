"""A part of a page that asks every 20 seconds whether it is still true (``data-live``)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import add_never_cache_headers


def tag_of(*values: object) -> str:
    """Return the tag of a part that shows these values and nothing else."""
    return f'"{hashlib.sha256(repr(values).encode()).hexdigest()[:32]}"'


def answer(request: HttpRequest, tag: str, draw: Callable[[], str]) -> HttpResponse:
    """Answer 304 when the browser shows what ``tag`` stands for, else the part, drawn now.

    The tag comes back weak (``W/``) when the part went out compressed.
    """
    known = {one.strip().removeprefix("W/") for one in request.headers.get("If-None-Match", "").split(",")}
    same = tag in known
    response = HttpResponse(b"" if same else draw(), status=304 if same else 200, headers={"ETag": tag})
    add_never_cache_headers(response)
    return response

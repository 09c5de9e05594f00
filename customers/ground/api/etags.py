"""Versions of what was read: not sent twice, and never overwritten unseen."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from django.utils.encoding import force_bytes
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from customers.ground.api.problems import CODES, Problem

_TAG = re.compile(r'(W/)?"[^"]*"')


class MatchRequired(Problem):
    status_code = 428
    default_code = "match_required"
    default_detail = CODES["match_required"][1]


class Stale(Problem):
    status_code = 412
    default_code = "stale"
    default_detail = CODES["stale"][1]


def of(data: Any) -> str:
    """Return the strong ETag of an answer: the same bytes, the same tag."""
    return f'"{hashlib.sha256(force_bytes(JSONRenderer().render(data))).hexdigest()[:32]}"'


def is_known(request: Request, tag: str) -> bool:
    """Say whether the caller has this version already (``If-None-Match``, weak comparison)."""
    wanted = request.headers.get("If-None-Match", "")
    return wanted.strip() == "*" or tag in {found.removeprefix("W/") for found in _tags(wanted)}


def require_match(request: Request, tag: str) -> None:
    """Refuse a change by somebody who has not read the version that stands (``If-Match``)."""
    wanted = request.headers.get("If-Match", "").strip()
    if not wanted:
        raise MatchRequired()
    if wanted != "*" and tag not in _tags(wanted):
        raise Stale(headers={"ETag": tag})


def _tags(header: str) -> list[str]:
    return [match.group() for match in _TAG.finditer(header)]

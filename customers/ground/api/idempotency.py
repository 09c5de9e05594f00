"""One key, one act: a call that is sent again gets the answer that it missed, and acts no more.

The key is claimed, the act done and its answer kept in one transaction: after a crash all of it is
there or nothing. Answers that refuse are not kept, because they changed nothing. What is kept opens
only with the key that the caller sent, of which we store a hash.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.db import OperationalError, transaction
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from customers.ground import rows
from customers.ground.api.problems import CODES, Problem
from customers.ground.models import ApiAnswer

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=48)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_WAIT_SECONDS = 2
_SAME_AGAIN = ("Location", "ETag")


class KeyRequired(Problem):
    status_code = 428
    default_code = "key_required"
    default_detail = CODES["key_required"][1]


class KeyReused(Problem):
    status_code = 422
    default_code = "key_reused"
    default_detail = CODES["key_reused"][1]


class InProgress(Problem):
    status_code = 409
    default_code = "in_progress"
    default_detail = CODES["in_progress"][1]


class AnswerGone(Problem):
    status_code = 410
    default_code = "answer_gone"
    default_detail = CODES["answer_gone"][1]


def once(request: Request, act: Callable[[], Response], *, at: datetime) -> Response:
    """Return what ``act`` answers, or what it answered when the same call came before.

    Args:
        at: the real time, from which the answer is kept for 48 hours.

    Raises :class:`KeyRequired`, :class:`KeyReused`, :class:`InProgress`. Side effects: one transaction
    around the act, one ``ApiAnswer``.
    """
    key = request.headers.get(HEADER, "")
    if not _KEY.fullmatch(key):
        raise KeyRequired()
    holder = f"user:{request.user.pk}"
    row = ApiAnswer(
        holder=holder,
        key_hash=hashlib.sha256(key.encode()).hexdigest(),
        fingerprint=_fingerprint(request, key),
        answer=b"",
        made_at=at,
    )
    with transaction.atomic():
        try:
            with rows.waiting_at_most(_WAIT_SECONDS):
                is_new = bool(rows.insert_new([row], known_by="key_hash"))
        except OperationalError as error:
            raise InProgress(headers={"Retry-After": str(_WAIT_SECONDS)}) from error
        if not is_new:
            return _again(row, key)
        response = act()
        ApiAnswer.objects.filter(pk=row.pk).update(
            status=response.status_code, answer=_sealed(response, holder, key)
        )
    return response


def empty_answers() -> int:
    """Forget what was answered, as somebody was erased whom it may tell of; return how many answers.

    The calls stay known: one that is sent again acts no more, and is told that its answer is gone.
    """
    return ApiAnswer.objects.exclude(answer=b"").update(answer=b"")


def purge(*, at: datetime) -> int:
    """Forget the answers that are older than 48 hours; return how many."""
    return ApiAnswer.objects.filter(made_at__lt=at - KEPT).delete()[0]


def _again(row: ApiAnswer, key: str) -> Response:
    stored = ApiAnswer.objects.filter(holder=row.holder, key_hash=row.key_hash).first()
    if stored is None:  # purged at this very moment
        raise InProgress(headers={"Retry-After": "1"})
    if stored.fingerprint != row.fingerprint:
        raise KeyReused()
    if not stored.answer:
        raise AnswerGone()
    said = _opened(bytes(stored.answer), row.holder, key)
    return Response(
        said["data"], status=stored.status, headers={**said["headers"], "Idempotency-Replayed": "true"}
    )


def _fingerprint(request: Request, key: str) -> str:
    """Return what tells one call from another: method, address and content.

    The key goes in, so that nobody who has the table can try out what a short body may have said.
    """
    digest = hashlib.sha256(f"{key}\n{request.method} {request.get_full_path()}\n".encode())
    if request.content_type.startswith("multipart/"):
        # The same file is packed differently each time: its content counts.
        for name in sorted(request.data):
            for part in request.data.getlist(name):
                digest.update(f"{name}\n".encode())
                if hasattr(part, "chunks"):
                    digest.update(f"{part.name}\n{part.size}\n".encode())
                    for piece in part.chunks():
                        digest.update(piece)
                    part.seek(0)
                else:
                    digest.update(str(part).encode())
    else:
        digest.update(request._request.body)
        _ = request.data  # what cannot be read is refused before anything is claimed
    return digest.hexdigest()


def _sealed(response: Response, holder: str, key: str) -> bytes:
    headers = {name: response[name] for name in _SAME_AGAIN if name in response}
    said = JSONRenderer().render({"headers": headers, "data": response.data})
    return _box(settings.SECRET_KEY, holder, key).encrypt(said)


def _opened(answer: bytes, holder: str, key: str) -> dict[str, Any]:
    for secret in [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]:
        try:
            said: dict[str, Any] = json.loads(_box(secret, holder, key).decrypt(answer))
        except InvalidToken:
            continue
        return said
    raise KeyReused()


def _box(secret: str, holder: str, key: str) -> Fernet:
    """Return the box that only this caller's key opens."""
    seed = hashlib.sha256("\n".join(("liuke.answer", secret, holder, key)).encode()).digest()
    return Fernet(base64.urlsafe_b64encode(seed))

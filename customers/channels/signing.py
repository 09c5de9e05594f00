"""Signatures of outgoing calls, and the check of incoming ones. Pure: moments and nonces are arguments."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from urllib.parse import parse_qsl, quote, urlsplit

Headers = dict[str, str]
TOLERANCE_SECONDS = 300


class Signature(StrEnum):
    """How an outgoing call is signed."""

    NONE = "none"
    HMAC = "hmac"
    STANDARD = "standard"
    ALIYUN = "aliyun"
    TENCENT = "tencent"


KEYS: dict[str, tuple[str, ...]] = {
    Signature.NONE: (),
    Signature.HMAC: ("signing_key",),
    Signature.STANDARD: ("signing_key",),
    Signature.ALIYUN: ("access_key_id", "access_key_secret"),
    Signature.TENCENT: ("secret_id", "secret_key"),
}
"""The secrets that each way needs, by name."""


def signed(
    way: str,
    *,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    secrets: Mapping[str, str],
    message_id: str,
    at: datetime,
) -> Headers:
    """Return ``headers`` with those of the signature.

    ``hmac``: ``X-Signature``, hex HMAC-SHA256 of timestamp, a dot and the body, and ``X-Timestamp``.
    ``standard``: Standard Webhooks 1.0. ``aliyun``: ACS3-HMAC-SHA256. ``tencent``: TC3-HMAC-SHA256.
    """
    made = dict(headers)
    if way == Signature.HMAC:
        stamp = str(int(at.timestamp()))
        key = secrets["signing_key"].encode()
        said = hmac.new(key, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        return {**made, "X-Timestamp": stamp, "X-Signature": said}
    if way == Signature.STANDARD:
        return {**made, **standard(secrets["signing_key"], message_id=message_id, body=body, at=at)}
    if way == Signature.ALIYUN:
        return _aliyun(url, made, body, secrets=secrets, nonce=message_id, at=at)
    if way == Signature.TENCENT:
        return _tencent(url, made, body, secrets=secrets, at=at)
    return made


# --- Standard Webhooks 1.0 ---------------------------------------------------------------------
def standard(key: str, *, message_id: str, body: bytes, at: datetime) -> Headers:
    """Return the headers of a call signed by Standard Webhooks 1.0."""
    stamp = str(int(at.timestamp()))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": "v1," + _standard(key, message_id, stamp, body),
    }


def is_standard(key: str, *, headers: Mapping[str, str], body: bytes, at: datetime) -> bool:
    """Say whether a call was signed with ``key`` within five minutes of ``at`` (real time)."""
    message_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (message_id and stamp.isascii() and stamp.isdecimal() and len(stamp) < 12):
        return False
    if abs(at.timestamp() - int(stamp)) > TOLERANCE_SECONDS:
        return False
    right = _standard(key, message_id, stamp, body).encode()
    given = [one.partition(",") for one in headers.get("webhook-signature", "").split()]
    return any(hmac.compare_digest(right, said.encode()) for way, _comma, said in given if way == "v1")


def _standard(key: str, message_id: str, stamp: str, body: bytes) -> str:
    said = hmac.new(_key_of(key), f"{message_id}.{stamp}.".encode() + body, hashlib.sha256)
    return base64.b64encode(said.digest()).decode()


def _key_of(key: str) -> bytes:
    """Return the bytes of a key: base64 after ``whsec_``, else as it is written."""
    if key.startswith("whsec_"):
        try:
            return base64.b64decode(key.removeprefix("whsec_"), validate=True)
        except ValueError:
            pass
    return key.encode()


# --- Aliyun, Tencent Cloud ---------------------------------------------------------------------
def _aliyun(
    url: str, headers: Headers, body: bytes, *, secrets: Mapping[str, str], nonce: str, at: datetime
) -> Headers:
    """Sign as Aliyun's OpenAPI V3 asks: https://help.aliyun.com/document_detail/315526.html."""
    parts, digest = urlsplit(url), hashlib.sha256(body).hexdigest()
    made = {
        **headers,
        "host": parts.netloc,
        "x-acs-content-sha256": digest,
        "x-acs-date": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": nonce,
    }
    named = {name.lower(): value.strip() for name, value in made.items()}
    chosen = sorted(name for name in named if name.startswith("x-acs-") or name in ("host", "content-type"))
    query = sorted(parse_qsl(parts.query, keep_blank_values=True))
    canonical = "\n".join(
        [
            "POST",
            parts.path or "/",
            "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in query),
            *(f"{name}:{named[name]}" for name in chosen),
            "",
            ";".join(chosen),
            digest,
        ]
    )
    to_sign = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
    said = hmac.new(secrets["access_key_secret"].encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    credential = f"Credential={secrets['access_key_id']},SignedHeaders={';'.join(chosen)},Signature={said}"
    return {**made, "Authorization": f"ACS3-HMAC-SHA256 {credential}"}


def _tencent(url: str, headers: Headers, body: bytes, *, secrets: Mapping[str, str], at: datetime) -> Headers:
    """Sign as Tencent Cloud's API 3.0 asks: https://cloud.tencent.com/document/api/382/52072."""
    host, stamp = urlsplit(url).netloc, str(int(at.timestamp()))
    day, service = at.astimezone(UTC).strftime("%Y-%m-%d"), host.partition(".")[0]
    made = {**headers, "Host": host, "X-TC-Timestamp": stamp}
    named = {name.lower(): value.strip() for name, value in made.items()}
    chosen = [name for name in ("content-type", "host", "x-tc-action") if name in named]
    canonical = "\n".join(
        [
            "POST",
            "/",
            "",
            *(f"{name}:{named[name].lower()}" for name in chosen),
            "",
            ";".join(chosen),
            hashlib.sha256(body).hexdigest(),
        ]
    )
    scope = f"{day}/{service}/tc3_request"
    to_sign = "\n".join(["TC3-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("TC3" + secrets["secret_key"]).encode()
    for part in (day, service, "tc3_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    said = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    credential = f"Credential={secrets['secret_id']}/{scope}, SignedHeaders={';'.join(chosen)}"
    return {**made, "Authorization": f"TC3-HMAC-SHA256 {credential}, Signature={said}"}

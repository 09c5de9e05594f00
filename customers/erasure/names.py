"""The ids of erased people, as keyed hashes: enough to know them again, too little to learn them."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from customers import company
from customers.ground.errors import Refused
from customers.ground.localtime import day_of
from customers.models import ErasedName, ExternalRef

Name = tuple[str, str, str]  # source, kind, digest


class KeyMissing(Refused):
    code = "erasure_key_missing"
    message = _(
        "The key of the erased ids is missing, so nobody can tell whether a record may come back. Put "
        "ERASURE_KEY, or the file %(file)s, in its place again."
    )


class WasErased(Refused):
    code = "was_erased"
    message = _("“%(name)s” was erased on %(day)s at the person's request or by law, and may not come back.")

    def __init__(self, *, name: object, at: datetime) -> None:
        super().__init__(name=name, day=day_of(company.today(at).number).isoformat())


def key_file() -> Path:
    """Return where the key stands when it is not given in the environment: beside the log."""
    return Path(settings.ERASURE_LOG).with_suffix(".key")


def digest(source: str, kind: str, external_id: str) -> str:
    """Return the keyed hash of an id; raises :class:`KeyMissing`."""
    said = "\n".join((source, kind, external_id)).encode()
    return hmac.new(_key(), said, hashlib.sha256).hexdigest()


def of_refs(kind: str, ids: Iterable[int]) -> list[Name]:
    """Return the hashed names of our records, before their references go."""
    refs = ExternalRef.objects.filter(kind=kind, object_id__in=list(ids)).order_by("source", "external_id")
    return of_named(kind, list(refs.values_list("source", "external_id")))


def of_named(kind: str, named: list[tuple[str, str]]) -> list[Name]:
    """Return names, each of a source and its id, hashed."""
    if named:
        _make_key()
    return [(source, kind, digest(source, kind, external_id)) for source, external_id in named]


def remember(names: Iterable[Name], *, at: datetime) -> None:
    """Refuse these names from now on; those that are known stay as they are."""
    ErasedName.objects.bulk_create(
        [ErasedName(source=source, kind=kind, digest=said, erased_at=at) for source, kind, said in names],
        ignore_conflicts=True,
        batch_size=500,
    )


def erased(kind: str, names: Iterable[str], *, source: str) -> dict[str, datetime]:
    """Return which of ``names``, that no record of ours has, belong to somebody erased, and since when.

    Costs one question while nobody of that source was erased, two else. Raises :class:`KeyMissing`.
    """
    wanted = {name for name in names if name}
    known = ErasedName.objects.filter(source=source, kind=kind)
    if not wanted or not known.exists():
        return {}
    by_digest = {digest(source, kind, name): name for name in wanted}
    found = known.filter(digest__in=by_digest).values_list("digest", "erased_at")
    return {by_digest[said]: at for said, at in found}


def _key() -> bytes:
    if settings.ERASURE_KEY:
        return str(settings.ERASURE_KEY).encode()
    try:
        return key_file().read_bytes()
    except FileNotFoundError as error:
        raise KeyMissing(file=key_file()) from error


def _make_key() -> None:
    """Make the key, once, when the first names are hashed; never while names are known already."""
    if settings.ERASURE_KEY or key_file().exists() or ErasedName.objects.exists():
        return
    key_file().parent.mkdir(parents=True, exist_ok=True)
    draft = key_file().with_name(f"{key_file().name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(50))
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        os.link(draft, key_file())  # of two that come at once, one wins
    draft.unlink()

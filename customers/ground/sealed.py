"""Values sealed with a key per person: erasing the key erases what was said about her."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from typing import Any

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.db import models

from customers.ground.models import HolderKey, SealedValue


def holder_of(obj: models.Model) -> str:
    """Return the holder name of a person's or company's row, for example ``contact:12``."""
    return f"{obj._meta.model_name}:{obj.pk}"


def seal(holder: str, *, subject: models.Model, values: dict[str, Any]) -> SealedValue:
    """Store ``values`` (JSON-ready) about ``subject`` so that only ``holder``'s key opens them."""
    token = _key(holder).encrypt(json.dumps(values, default=str, ensure_ascii=False).encode())
    return SealedValue.objects.create(
        holder=holder, subject_type=subject._meta.label_lower, subject_id=subject.pk, sealed=token
    )


def seal_many(values: Iterable[tuple[str, models.Model, dict[str, Any]]]) -> list[SealedValue]:
    """Seal many values, each ``(holder, subject, values)``, in a bounded number of statements."""
    values = list(values)
    if not values:
        return []
    keys = _keys({holder for holder, _subject, _values in values})
    return SealedValue.objects.bulk_create(
        [
            SealedValue(
                holder=holder,
                subject_type=subject._meta.label_lower,
                subject_id=subject.pk,
                sealed=keys[holder].encrypt(json.dumps(said, default=str, ensure_ascii=False).encode()),
            )
            for holder, subject, said in values
        ]
    )


def unseal(row: SealedValue) -> dict[str, Any]:
    """Return the sealed values; raises ``HolderKey.DoesNotExist`` when the key was destroyed."""
    wrapped = HolderKey.objects.get(holder=row.holder).wrapped
    values: dict[str, Any] = json.loads(Fernet(_master().decrypt(bytes(wrapped))).decrypt(bytes(row.sealed)))
    return values


def unseal_many(ids: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Return sealed values by their numbers; those whose key or row was destroyed are left out."""
    rows = list(SealedValue.objects.filter(pk__in=list(ids)))
    holders = {row.holder for row in rows}
    wrapped = dict(HolderKey.objects.filter(holder__in=holders).values_list("holder", "wrapped"))
    master = _master()
    keys = {holder: Fernet(master.decrypt(bytes(key))) for holder, key in wrapped.items()}
    return {
        row.pk: json.loads(keys[row.holder].decrypt(bytes(row.sealed))) for row in rows if row.holder in keys
    }


def destroy(holder: str) -> int:
    """Destroy the holder's key and every value sealed with it; return how many values went."""
    gone, _ = SealedValue.objects.filter(holder=holder).delete()
    HolderKey.objects.filter(holder=holder).delete()
    return gone


def _key(holder: str) -> Fernet:
    return _keys({holder})[holder]


def _keys(holders: set[str]) -> dict[str, Fernet]:
    """Return the key of each holder, made where there is none."""
    master = _master()

    def stored() -> dict[str, Any]:
        return dict(HolderKey.objects.filter(holder__in=holders).values_list("holder", "wrapped"))

    wrapped = stored()
    if missing := sorted(holders - wrapped.keys()):
        HolderKey.objects.bulk_create(
            [HolderKey(holder=name, wrapped=master.encrypt(Fernet.generate_key())) for name in missing],
            ignore_conflicts=True,
        )
        wrapped = stored()
    return {holder: Fernet(master.decrypt(bytes(key))) for holder, key in wrapped.items()}


def _master() -> MultiFernet:
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet(
        Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"liuke.sealed:" + secret.encode()).digest()))
        for secret in secrets
    )

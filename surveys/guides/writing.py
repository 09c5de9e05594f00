"""Guides are written, changed and retired here; each act is audited.

A change makes the next version: who holds an interview goes on with the one that it began with.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from customers.ground import audit
from customers.ground.errors import Refused
from customers.models import User
from surveys.guides.document import Json, read, written
from surveys.models import Guide, GuideVersion, Purpose


class GuideCodeTaken(Refused):
    code = "guide_code_taken"
    message = _("There is a guide with the code “%(code)s” already. Choose another code.")


class GuideChanged(Refused):
    code = "guide_changed"
    message = _("Somebody else saved this guide meanwhile. Load the page again and make your change there.")


class GuideRetired(Refused):
    code = "guide_retired"
    message = _("“%(guide)s” is retired. Choose another guide, or have it brought back.")


@transaction.atomic
def create_guide(
    code: str, *, name_en: str, name_zh: str, purpose: str, document: Json, by: User | None, at: datetime
) -> Guide:
    """Make a guide with its first version; return it.

    Args:
        name_en, name_zh: one may be empty; then the other one stands for it.

    Raises :class:`GuideCodeTaken`, ``GuideRefused``. Side effects: audit ``guide.create``.
    """
    stored = written(read(document))
    english, chinese = _names(name_en, name_zh)
    try:
        with transaction.atomic():
            guide = Guide.objects.create(
                code=code, name_en=english, name_zh=chinese, purpose=Purpose(purpose), made_at=at
            )
    except IntegrityError as error:
        raise GuideCodeTaken(code=code) from error
    GuideVersion.objects.create(guide=guide, number=1, document=stored, made_at=at, by=by)
    audit.record("guide.create", obj=guide, by=by, at=at)
    return guide


@transaction.atomic
def save_guide(
    guide: Guide,
    *,
    document: Json | None = None,
    name_en: str | None = None,
    name_zh: str | None = None,
    purpose: str | None = None,
    revision: int | None = None,
    by: User | None,
    at: datetime,
) -> Guide:
    """Change a guide; other questions make its next version. What is left out stays.

    Args:
        revision: the one that was read; whoever saved since is not overwritten.

    Raises :class:`GuideChanged`, ``GuideRefused``. Side effects: audit ``guide.save``, unless nothing
    changes. Interviews that are being held keep their version and purpose.
    """
    stored = written(read(document)) if document is not None else None
    locked = Guide.objects.select_for_update(no_key=True).get(pk=guide.pk)
    if revision is not None and locked.revision != revision:
        raise GuideChanged()
    values: dict[str, Any] = {"name_en": locked.name_en, "name_zh": locked.name_zh}
    for name, value in (("name_en", name_en), ("name_zh", name_zh)):
        if value is not None:
            values[name] = value
    values["name_en"], values["name_zh"] = _names(values["name_en"], values["name_zh"])
    values["purpose"] = Purpose(purpose) if purpose is not None else locked.purpose
    changed = {name: value for name, value in values.items() if getattr(locked, name) != value}
    if stored is not None and stored != newest(locked).document:
        changed["version"] = locked.version + 1
        GuideVersion.objects.create(
            guide=locked, number=changed["version"], document=stored, made_at=at, by=by
        )
    if changed:
        # SQLite locks no row: of two who read the same the second changes nothing
        rows = Guide.objects.filter(pk=locked.pk, revision=locked.revision)
        if not rows.update(**changed, revision=locked.revision + 1):
            raise GuideChanged()
        codes = {"version": changed.get("version", locked.version), "changed": sorted(changed)}
        audit.record("guide.save", obj=locked, by=by, at=at, codes=codes)
    guide.refresh_from_db()
    return guide


@transaction.atomic
def retire_guide(guide: Guide, *, by: User | None, at: datetime) -> Guide:
    """Let no interview begin with a guide any more. Side effects: audit ``guide.retire`` if it was in use."""
    return _set_retired(guide, True, by=by, at=at)


@transaction.atomic
def bring_back(guide: Guide, *, by: User | None, at: datetime) -> Guide:
    """Let interviews begin with a retired guide again. Side effects: audit ``guide.bring_back``."""
    return _set_retired(guide, False, by=by, at=at)


def newest(guide: Guide) -> GuideVersion:
    """Return the version that interviews begin with."""
    return GuideVersion.objects.get(guide=guide, number=guide.version)


def _set_retired(guide: Guide, is_retired: bool, *, by: User | None, at: datetime) -> Guide:
    if Guide.objects.filter(pk=guide.pk, is_retired=not is_retired).update(is_retired=is_retired):
        audit.record("guide.retire" if is_retired else "guide.bring_back", obj=guide, by=by, at=at)
    guide.refresh_from_db()
    return guide


def _names(name_en: str, name_zh: str) -> tuple[str, str]:
    english, chinese = name_en.strip(), name_zh.strip()
    return english or chinese, chinese or english

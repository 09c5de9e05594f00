"""Recurring imports: saved once from an import that went well, then sent by a program with a token."""

from __future__ import annotations

import secrets
from datetime import datetime

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.ground import audit
from customers.ground.errors import Refused
from customers.imports import batches, mapping, uploads
from customers.models import ImportBatch, ImportProfile, User
from customers.models.people import Role
from customers.tokens import hash_of

PREFIX = "liukeup_"
SHOWN = len(PREFIX) + 6


class NotRepeatable(Refused):
    code = "import_not_repeatable"
    message = _("Only an import whose file was read can be repeated: its columns are what is saved.")


class NoProfileName(Refused):
    code = "profile_without_name"
    message = _("Give the recurring import a name.")


def save_profile(batch: ImportBatch, *, name: str, by: User, at: datetime) -> tuple[ImportProfile, str]:
    """Save how an import was read, for files that come again; return it with its token, stored nowhere.

    Raises :class:`NotRepeatable`, :class:`NoProfileName`. Side effects: audit ``import_profile.create``.
    """
    if batch.status != ImportBatch.Status.DONE:
        raise NotRepeatable()
    if not name.strip():
        raise NoProfileName()
    secret = _new_secret()
    with transaction.atomic():
        profile = ImportProfile.objects.create(
            name=name.strip()[:100],
            kind=batch.kind,
            mapping=batch.mapping,
            by=by,
            prefix=secret[:SHOWN],
            secret_hash=hash_of(secret),
            made_at=at,
        )
        audit.record("import_profile.create", obj=profile, by=by, at=at, codes={"kind": profile.kind})
    return profile, secret


def renew_token(profile: ImportProfile, *, by: User, at: datetime) -> str:
    """Give a recurring import a new token, which opens it again if it was revoked; return the token.

    Side effects: the old token opens nothing any more; audit ``import_profile.renew``.
    """
    secret = _new_secret()
    with transaction.atomic():
        ImportProfile.objects.filter(pk=profile.pk).update(
            prefix=secret[:SHOWN], secret_hash=hash_of(secret), revoked_at=None
        )
        audit.record("import_profile.renew", obj=profile, by=by, at=at)
    profile.refresh_from_db()
    return secret


def revoke_token(profile: ImportProfile, *, by: User, at: datetime) -> bool:
    """Let the token open nothing any more; return whether it did before. Audit ``import_profile.revoke``."""
    with transaction.atomic():
        live = ImportProfile.objects.filter(pk=profile.pk, revoked_at__isnull=True)
        is_new = bool(live.update(revoked_at=at))
        if is_new:
            audit.record("import_profile.revoke", obj=profile, by=by, at=at)
    profile.refresh_from_db()
    return is_new


def profile_of(secret: str) -> ImportProfile | None:
    """Return the recurring import that a token opens: not revoked, of somebody who may still import."""
    found = ImportProfile.objects.select_related("by").filter(
        secret_hash=hash_of(secret), revoked_at__isnull=True, by__is_active=True
    )
    return found.filter(by__role__in=[Role.ADMIN, Role.TEAM_LEAD]).first()


def receive(profile: ImportProfile, upload: UploadedFile, *, at: datetime) -> ImportBatch:
    """Begin the import of a file that was sent; a worker does it. The same file again changes nothing.

    A file that cannot be read with the saved columns is kept as a run that was refused, with its reason.
    Raises ``Refused`` for one that is no table or too large. Side effects: as the wizard's.
    """
    with transaction.atomic():
        batch = uploads.keep_upload(upload, kind=profile.kind, by=profile.by, at=at)
        ImportBatch.objects.filter(pk=batch.pk).update(profile=profile)
    try:
        uploads.start_import(batch, mapping.from_data(profile.mapping), by=profile.by, at=at)
    except Refused as refusal:
        batches.end_refused(batch, str(refusal), by=profile.by, at=at)
    batch.refresh_from_db()
    return batch


def see_problem(batch: ImportBatch, *, by: User, at: datetime) -> bool:
    """Note that somebody opened a run that had gone badly; return whether she is the first.

    Side effects: nobody is told of the run any more; audit ``import.see_problem``.
    """
    with transaction.atomic():
        unseen = ImportBatch.objects.filter(pk=batch.pk, profile__isnull=False, problem_seen_at__isnull=True)
        is_new = bool(unseen.update(problem_seen_at=at))
        if is_new:
            audit.record("import.see_problem", obj=batch, by=by, at=at)
    batch.refresh_from_db()
    return is_new


def _new_secret() -> str:
    return PREFIX + secrets.token_urlsafe(32)

"""Files that come with feedback, before it is known whose they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from customers import attachments
from customers.ground.errors import Refused
from customers.models import Attachment, Complaint, FeedbackFile, UnknownFeedback

MOST = 3


class TooManyFiles(Refused):
    code = "too_many_feedback_files"
    message = _("At most %(most)s files can be sent along.")


def check(uploads: Sequence[UploadedFile]) -> None:
    """Raise a ``Refused`` for one file too many, or for one that is not kept."""
    if len(uploads) > MOST:
        raise TooManyFiles(most=MOST)
    for upload in uploads:
        attachments.kind_of(upload)


def keep(row: UnknownFeedback, uploads: Sequence[UploadedFile], *, stored: list[str], at: datetime) -> None:
    """Keep files that were checked; ``stored`` is filled with the names they lie under as they are written,
    so that on failure none is left behind.
    """
    for upload in uploads:
        kind = attachments.kind_of(upload)
        stored.append(attachments.store(upload))
        FeedbackFile.objects.create(
            unknown=row,
            name=attachments.plain_name(upload),
            type=kind,
            size=upload.size or 0,
            stored_as=stored[-1],
            added_at=at,
        )


def hand_over(row: UnknownFeedback, complaint: Complaint, *, note: str, at: datetime) -> int:
    """Let the files of feedback become those of a customer's complaint; return how many."""
    found = list(row.files.order_by("pk"))
    Attachment.objects.bulk_create(
        Attachment(
            customer_id=complaint.customer_id,
            complaint=complaint,
            name=one.name,
            note=note[:200],
            type=one.type,
            size=one.size,
            stored_as=one.stored_as,
            by=None,
            added_at=at,
        )
        for one in found
    )
    FeedbackFile.objects.filter(pk__in=[one.pk for one in found]).delete()
    return len(found)


def forget(rows: Sequence[UnknownFeedback]) -> int:
    """Delete the files of feedback, content and all."""
    found = FeedbackFile.objects.filter(unknown__in=rows)
    attachments.forget(list(found.values_list("stored_as", flat=True)))
    return found.delete()[0]

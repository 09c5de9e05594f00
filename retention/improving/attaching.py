"""Which feedback an improvement answers: attached one by one, or all with its causes, product and lot."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from customers.ground import audit
from customers.ground.errors import Refused
from customers.models import Complaint, Contact, User
from retention.models import ImprovementAction, ImprovementFeedback, LoopClosure

MOST_AT_ONCE = 5_000
"""Complaints that one press attaches; press again for more."""


class NothingNamed(Refused):
    code = "improvement_names_nothing"
    message = _("This improvement names neither cause nor product: attach feedback one by one.")


class AlreadyTold(Refused):
    code = "improvement_told"
    message = _("This person was told of the improvement already: the feedback stays.")


def attach(
    action: ImprovementAction,
    *,
    complaint: Complaint | None = None,
    loop: LoopClosure | None = None,
    by: User | None,
    at: datetime,
) -> ImprovementFeedback:
    """Say that an improvement answers a complaint, or what a loop is about; once.

    The loop of a complaint stands for the complaint. Side effects: audit ``improvement.attach``.
    """
    if (complaint is None) == (loop is None):
        raise ValueError("either a complaint or a loop")
    if loop is not None and loop.complaint is not None:
        complaint, loop = loop.complaint, None
    with transaction.atomic():
        row, is_new = ImprovementFeedback.objects.get_or_create(
            action=action, complaint=complaint, loop=loop, defaults={"attached_at": at, "by": by}
        )
        if is_new:
            codes = {"complaint": complaint and complaint.pk, "loop": loop and loop.pk}
            audit.record("improvement.attach", obj=action, by=by, at=at, codes=codes)
    return row


def attach_matching(
    action: ImprovementAction,
    *,
    among: QuerySet[Complaint],
    since_day: int,
    by: User | None,
    at: datetime,
) -> int:
    """Attach what names the causes, the product and the lot of an improvement; return how many are new.

    Args:
        among: the feedback that may be attached. since_day: the first local day of it.

    At most 5,000 at once, the newest first. Raises :class:`NothingNamed`. Audit ``improvement.attach_many``.
    """
    about = about_same(action)
    if about is None:
        raise NothingNamed()
    with transaction.atomic():
        attached = ImprovementFeedback.objects.filter(action=action, complaint__isnull=False)
        found = among.filter(about, void=False, occurred_day__gte=since_day).exclude(
            pk__in=attached.values("complaint_id")
        )
        ids = list(found.order_by("-occurred_day", "-pk").values_list("pk", flat=True)[:MOST_AT_ONCE])
        ImprovementFeedback.objects.bulk_create(
            (ImprovementFeedback(action=action, complaint_id=pk, attached_at=at, by=by) for pk in ids),
            ignore_conflicts=True,
            batch_size=500,
        )
        if ids:
            audit.record("improvement.attach_many", obj=action, by=by, at=at, codes={"rows": len(ids)})
    return len(ids)


def detach(row: ImprovementFeedback, *, by: User | None, at: datetime) -> None:
    """Say that an improvement does not answer this after all. Audit ``improvement.detach``.

    Raises :class:`AlreadyTold` once who said it was told.
    """
    with transaction.atomic():
        told = row.action.notices.filter(contact__in=people_of(ImprovementFeedback.objects.filter(pk=row.pk)))
        if told.exists():
            raise AlreadyTold()
        codes = {"complaint": row.complaint_id, "loop": row.loop_id}
        if ImprovementFeedback.objects.filter(pk=row.pk).delete()[0]:
            audit.record("improvement.detach", obj=row.action, by=by, at=at, codes=codes)


def about_same(action: ImprovementAction) -> Q | None:
    """Return the condition, on complaints, that they are about what an improvement is about.

    A cause stands for those below it; the cause of a complaint is the one that stands on it or that its
    loop found. Nothing when neither cause nor product is named.
    """
    causes = [cause.pk for cause in action.causes.all()]
    if not causes and action.product_id is None:
        return None
    about = Q()
    if causes:
        about &= (
            Q(cause__in=causes)
            | Q(cause__parent__in=causes)
            | Q(loop__cause__in=causes)
            | Q(loop__cause__parent__in=causes)
        )
    if action.product_id is not None:
        about &= Q(product=action.product_id)
    if action.lot:
        about &= Q(lot=action.lot)
    return about


def people_of(rows: QuerySet[ImprovementFeedback]) -> QuerySet[Contact]:
    """Return who said what was attached: the contact that it came from, else the customer's main contact."""
    said = rows.order_by()
    named = said.exclude(complaint__contact=None).values("complaint__contact")
    looped = said.exclude(loop__contact=None).values("loop__contact")
    firms = said.filter(complaint__isnull=False, complaint__contact=None).values("complaint__customer")
    others = said.filter(loop__isnull=False, loop__contact=None).exclude(loop__customer=None)
    return Contact.objects.filter(
        Q(pk__in=named)
        | Q(pk__in=looped)
        | Q(is_main=True, customer__in=firms)
        | Q(is_main=True, customer__in=others.values("loop__customer"))
    )

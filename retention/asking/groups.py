"""Segments as groups that a survey is distributed to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from customers.models import Customer
from retention import segments
from retention.models import Segment
from retention.segments.asked import AUDIENCE
from surveys.distributions import audiences


def register() -> None:
    """Enter segments."""
    audiences.register(
        audiences.Audience(code=AUDIENCE, label=_("Segment"), groups=_groups, names=_names, members=_members)
    )


def _groups() -> Sequence[tuple[int, str]]:
    return [(one.pk, str(one)) for one in Segment.objects.filter(retired_at=None).order_by("code")]


def _names(numbers: Sequence[int]) -> dict[int, str]:
    return {one.pk: str(one) for one in Segment.objects.filter(pk__in=numbers)}


@contextmanager
def _members(pk: int, at: datetime) -> Iterator[QuerySet[Customer]]:
    with segments.members(Segment.objects.select_related("list").get(pk=pk), at=at) as found:
        yield found

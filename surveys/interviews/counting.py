"""What interviews say together: how often each code was given, and what may be quoted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, QuerySet

from customers.models import Cause, User
from surveys.guides.document import Question
from surveys.models import Guide, GuideVersion, Interview, InterviewAnswer


@dataclass(frozen=True)
class Given:
    """How often a code was given, now and in the period before."""

    code: str
    label: str
    count: int
    before: int
    is_detail: bool = False


@dataclass(frozen=True)
class Asked:
    """A question with the codes that its answers got; ``answered``: in how many interviews."""

    question: Question
    answered: int
    given: list[Given]


@dataclass(frozen=True)
class Figures:
    """The interviews of a period by one guide: how many, and what was said to each question."""

    interviews: int
    before: int
    asked: list[Asked]


def held_between(
    user: User, guide: Guide, *, version: GuideVersion | None, since: datetime, until: datetime
) -> QuerySet[Interview]:
    """Return the finished interviews that ``user`` may see, held from ``since`` until before ``until``."""
    found = Interview.objects.visible_to(user).filter(  # type: ignore[attr-defined]
        guide=guide, status=Interview.Status.DONE, held_at__gte=since, held_at__lt=until
    )
    rows: QuerySet[Interview] = found.filter(version=version) if version is not None else found
    return rows


def figures(
    user: User, guide: Guide, *, version: GuideVersion | None, since: datetime, until: datetime
) -> Figures:
    """Count the codes of the interviews held from ``since`` until before ``until``, and of as long before.

    Args:
        version: only interviews that were held by it; nothing for all, whose questions are those of the
            guide's versions, the newest first.

    A bounded number of queries, whatever the number of interviews.
    """
    now = held_between(user, guide, version=version, since=since, until=until)
    earlier = held_between(user, guide, version=version, since=since - (until - since), until=since)
    answered, given = _count(now)
    _answered_before, given_before = _count(earlier)
    causes = _causes()
    asked = [
        Asked(
            question,
            answered[question.code],
            _given(question, given[question.code], given_before.get(question.code, Counter()), causes),
        )
        for question in _questions(guide, version)
    ]
    return Figures(now.count(), earlier.count(), asked)


def quotes(
    user: User, guide: Guide, *, version: GuideVersion | None, since: datetime, until: datetime
) -> QuerySet[InterviewAnswer]:
    """Return the answers that may be quoted, the newest first."""
    among = held_between(user, guide, version=version, since=since, until=until)
    found: QuerySet[InterviewAnswer] = (
        InterviewAnswer.objects.quotable()  # type: ignore[attr-defined]
        .filter(interview__in=among.values("pk"))
        .select_related("interview__version", "customer", "contact")
        .order_by("-occurred_at", "-pk")
    )
    return found


def _count(among: QuerySet[Interview]) -> tuple[Counter[str], dict[str, Counter[str]]]:
    rows = (
        InterviewAnswer.objects.standing()  # type: ignore[attr-defined]
        .filter(interview__in=among.values("pk"))
        .order_by()
        .values_list("question", "chosen")
        .annotate(Count("pk"))
    )
    answered: Counter[str] = Counter()
    given: dict[str, Counter[str]] = _Counters()
    for question, chosen, n in rows:
        answered[question] += n
        for code in chosen:
            given[question][code] += n
    return answered, given


class _Counters(dict[str, "Counter[str]"]):
    def __missing__(self, key: str) -> Counter[str]:
        return self.setdefault(key, Counter())


def _questions(guide: Guide, version: GuideVersion | None) -> list[Question]:
    """Return the questions, each once; codes that only an older version had stand behind the others."""
    versions = [version] if version is not None else list(guide.versions.order_by("-number")[:20])
    found: dict[str, Question] = {}
    for one in versions:
        for question in one.definition.questions:
            known = found.get(question.code)
            if known is None:
                found[question.code] = question
                continue
            codes = {code.code for code in known.codes}
            older = tuple(code for code in question.codes if code.code not in codes)
            is_about_causes = known.is_about_causes or question.is_about_causes
            found[question.code] = Question(
                known.code, known.text, known.prompts, is_about_causes, known.codes + older
            )
    return list(found.values())


def _given(
    question: Question, now: Counter[str], before: Counter[str], causes: dict[str, Cause]
) -> list[Given]:
    labels: dict[str, Any] = {code.code: (str(code.text), False) for code in question.codes}
    if question.is_about_causes:
        labels |= {
            code: (str(cause), cause.parent_id is not None)
            for code, cause in causes.items()
            if now[code] or before[code]
        }
    rows = [
        Given(code, label, now[code], before[code], is_detail) for code, (label, is_detail) in labels.items()
    ]
    return sorted(rows, key=lambda row: -row.count)  # equal ones in the order of the guide


def _causes() -> dict[str, Cause]:
    return {cause.code: cause for cause in Cause.objects.all()}

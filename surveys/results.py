"""What the answers to a survey come to: overall, month by month, for each group, and who never answers.

Of customers whom somebody may not see, nothing is counted. Answers of open links count for everybody, but
name nobody. Every function asks the database a fixed number of times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from customers import company
from customers.ground import clock, localtime
from customers.models import Customer, Order, Product, User
from surveys import building
from surveys.definition import BANDS, SCALES, Kind, Question, said
from surveys.figures import Tally, tally_of
from surveys.models import Invitation, Survey, SurveyAnswer, SurveyAsked

MOST_GROUPS = 50
MOST_PRODUCTS = 20
BOUGHT_WITHIN = 365
"""A product counts for an answer when the customer bought it within so many days before it."""
AROUND = 90
"""Days before and after an invitation over which behaviour is compared."""
MOST_COMPARED = 2_000
PATIENCE = 14
"""Days that one has to answer before she counts as silent, as the measures have it."""


@dataclass(frozen=True)
class Scale:
    """A question of a survey whose answers have figures."""

    code: str
    kind: str
    points: int
    text: str = ""

    @property
    def question(self) -> Question:
        """Return it as a question, for its numbers and bands."""
        return Question(code=self.code, kind=Kind(self.kind), text={}, points=self.points)


@dataclass(frozen=True)
class Group:
    """The answers of one group: what it is called, and what they come to."""

    name: str
    tally: Tally


@dataclass(frozen=True)
class Rates:
    """How many were asked and answered, and how many of those who began came to the end."""

    asked: int
    answered: int
    begun: int
    completed: int


@dataclass(frozen=True)
class Behaviour:
    """What customers bought around their invitations: orders and spend (minor units, base) per customer."""

    invitations: int
    orders_before: float
    orders_after: float
    spend_before: float
    spend_after: float


def since_day(at: datetime, months: int) -> int:
    """Return the local day on which the first of so many months began, that of ``at`` being the last."""
    today = localtime.day_of(company.today(at).number)
    whole = today.year * 12 + today.month - months
    return today.replace(year=whole // 12, month=whole % 12 + 1, day=1).toordinal()


# --- What is counted ---------------------------------------------------------------------------
def scales_of(survey: Survey, *, language: str) -> list[Scale]:
    """Return the questions with figures: those asked now, then those that only older answers have.

    Of a closed survey, which nobody answers any more, those that were answered.
    """
    asked = [
        Scale(one.code, str(one.kind), one.points, said(one.text, language))
        for one in building.definition_of(survey).questions()
        if one.kind in SCALES
    ]
    stored = SurveyAnswer.objects.filter(
        response__survey=survey, void=False, kind__in=[str(kind) for kind in SCALES], number__isnull=False
    )
    names = ("question", "kind", "points")
    answered = list(stored.order_by(*names).values_list(*names).distinct())
    known = {(one.code, one.kind, one.points) for one in asked}
    if survey.status == Survey.Status.CLOSED and answered:
        asked = [one for one in asked if (one.code, one.kind, one.points) in answered]
    return [*asked, *(Scale(*one, text=one[0]) for one in answered if one not in known)]


def counted(survey: Survey, scale: Scale, *, user: User, since: int, at: datetime) -> QuerySet[SurveyAnswer]:
    """Return the answers to a question that count for somebody, from local day ``since`` on, up to ``at``."""
    rows = SurveyAnswer.objects.filter(
        response__survey=survey,
        question=scale.code,
        kind=scale.kind,
        points=scale.points,
        number__isnull=False,
        void=False,
        occurred_day__gte=since,
        occurred_at__lte=at,
    )
    if user.sees_all:
        return rows
    visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
    return rows.filter(Q(customer=None) | Exists(visible.filter(pk=OuterRef("customer_id"))))


def overall(rows: QuerySet[SurveyAnswer], scale: Scale) -> Tally:
    """Return what all answers come to; one query."""
    times = dict(rows.order_by().values_list("number").annotate(times=Count("pk")))
    return tally_of(scale.kind, scale.points, times)


def by_month(
    rows: QuerySet[SurveyAnswer], scale: Scale, *, since: int, until: int
) -> list[tuple[date, Tally]]:
    """Return each month from the day ``since`` to the day ``until``, the oldest first; one query."""
    months: dict[date, dict[int, int]] = {}
    month = localtime.day_of(since).replace(day=1)
    while month <= localtime.day_of(until):
        months[month] = {}
        month = (month + timedelta(days=32)).replace(day=1)
    days = rows.order_by().values_list("occurred_day", "number").annotate(times=Count("pk"))
    for day, number, times in days:
        of_month = months.setdefault(localtime.day_of(day).replace(day=1), {})
        of_month[number] = of_month.get(number, 0) + times
    return [(first, tally_of(scale.kind, scale.points, times)) for first, times in sorted(months.items())]


def by_segment(rows: QuerySet[SurveyAnswer], scale: Scale) -> list[Group]:
    """Return the answers by the segment of the customer, the most answers first; one query."""
    return _groups(rows, scale, "customer__segment", lambda keys: {"": _("no segment")})


def by_owner(rows: QuerySet[SurveyAnswer], scale: Scale) -> list[Group]:
    """Return the answers by the account manager of now, by name; two queries.

    In order of name: nobody is ranked by a few answers.
    """

    def names(keys: Iterable[Any]) -> Mapping[Any, str]:
        users = User.objects.in_bulk([key for key in keys if key is not None])
        return {None: _("nobody"), **{pk: str(user) for pk, user in users.items()}}

    found = _groups(rows.filter(customer__isnull=False), scale, "customer__owner_id", names)
    return sorted(found, key=lambda group: group.name)


def by_version(rows: QuerySet[SurveyAnswer], scale: Scale) -> list[Group]:
    """Return the answers by the version of the survey, the newest first; one query."""
    name = _("Version %(number)s")
    return _groups(
        rows,
        scale,
        "response__version__number",
        lambda keys: {key: name % {"number": key} for key in keys},
        order="-response__version__number",
    )


def by_product(rows: QuerySet[SurveyAnswer], scale: Scale) -> list[Group]:
    """Return the answers by what the customer had bought in the year before; two queries.

    A customer who bought several products counts for each of them; what was cancelled, or only came back,
    was not bought.
    """
    bought = "customer__orderlines"
    within = {
        f"{bought}__void": False,
        f"{bought}__product__isnull": False,
        f"{bought}__quantity__gt": 0,
        f"{bought}__order__status__in": [Order.Status.PLACED, Order.Status.DELIVERED],
        f"{bought}__occurred_day__lte": F("occurred_day"),
        f"{bought}__occurred_day__gt": F("occurred_day") - BOUGHT_WITHIN,
    }

    def names(keys: Iterable[Any]) -> Mapping[Any, str]:
        products = Product.objects.filter(pk__in=list(keys)).values_list("pk", "name", "code")
        return {pk: name or code for pk, name, code in products}

    return _groups(rows.filter(**within), scale, f"{bought}__product_id", names, most=MOST_PRODUCTS)


def _groups(
    rows: QuerySet[SurveyAnswer],
    scale: Scale,
    key: str,
    names: Callable[[Iterable[Any]], Mapping[Any, str]],
    *,
    most: int = MOST_GROUPS,
    order: str = "-answers",
) -> list[Group]:
    each = {
        f"n{number}": Count("pk", filter=Q(number=number), distinct=True) for number in scale.question.scale
    }
    counts = rows.order_by().values(key).annotate(answers=Count("pk", distinct=True), **each)
    found = list(counts.order_by(order, key)[:most])
    called = names([row[key] for row in found])
    return [
        Group(
            called.get(row[key]) or (str(row[key]) if row[key] is not None else _("anonymous")),
            tally_of(
                scale.kind, scale.points, {number: row[f"n{number}"] for number in scale.question.scale}
            ),
        )
        for row in found
    ]


# --- Who answers -------------------------------------------------------------------------------
def asked_of(survey: Survey, *, user: User, since: int, at: datetime) -> QuerySet[SurveyAsked]:
    """Return whom a survey asked, among those whom ``user`` may see."""
    visible = SurveyAsked.objects.visible_to(user)  # type: ignore[attr-defined]
    rows: QuerySet[SurveyAsked] = visible.filter(
        survey=survey, void=False, occurred_day__gte=since, occurred_at__lte=at
    )
    return rows


def rates(survey: Survey, *, user: User, since: int, at: datetime) -> Rates:
    """Return how many were asked and answered, and who began and came to the end; two queries.

    Nobody knows how many saw an open link: it counts among those who began only.
    """
    counts = asked_of(survey, user=user, since=since, at=at).aggregate(
        asked=Count("pk"), answered=Count("answered_day")
    )
    real_since = clock.real_now() - (at - localtime.start_of_day(since, company.current().time_zone))
    begun = Invitation.objects.filter(survey=survey, made_at__gte=real_since)
    if not user.sees_all:
        visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
        begun = begun.filter(Q(customer=None) | Exists(visible.filter(pk=OuterRef("customer_id"))))
    ends = begun.filter(Q(saved_at__isnull=False) | Q(answered_at__isnull=False)).aggregate(
        begun=Count("pk"), completed=Count("answered_at")
    )
    return Rates(**counts, **ends)


def silent(survey: Survey, *, user: User, at: datetime) -> QuerySet[Any]:
    """Return the customers who never answered a survey, two weeks after they were first asked.

    Each has ``times``, how often she was asked, and ``last_day``; who was asked most comes first.
    """
    until = company.today(at).number - PATIENCE
    mine = Q(surveyaskeds__survey=survey, surveyaskeds__void=False, surveyaskeds__occurred_at__lte=at)
    answered = SurveyAsked.objects.filter(
        customer=OuterRef("pk"), survey=survey, void=False, answered_day__isnull=False
    )
    visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
    rows: QuerySet[Any] = (
        visible.filter(gone_at__isnull=True)
        .filter(mine & Q(surveyaskeds__occurred_day__lte=until))
        .filter(~Exists(answered))
        .annotate(times=Count("surveyaskeds"), last_day=Max("surveyaskeds__occurred_day"))
        .order_by("-times", "-last_day", "pk")
    )
    return rows


def compared(
    survey: Survey, *, user: User, since: int, at: datetime
) -> tuple[Behaviour | None, Behaviour | None]:
    """Return what those bought who answered, and those who did not, around their invitations; two queries.

    Of the newest 2,000 invitations whose 90 days after are over. A difference is no effect of asking: who
    answers is another kind of customer.
    """
    today = company.today(at).number
    rows = list(
        asked_of(survey, user=user, since=since - AROUND, at=at)
        .filter(occurred_day__lte=today - AROUND)
        .order_by("-occurred_at", "-pk")
        .values_list("customer_id", "occurred_day", "answered_day")[:MOST_COMPARED]
    )
    if not rows:
        return None, None
    first, last = min(day for _c, day, _a in rows), max(day for _c, day, _a in rows)
    bought: dict[int, list[tuple[int, int, int]]] = {}
    orders = (
        Order.objects.filter(customer_id__in={customer for customer, _day, _answered in rows}, void=False)
        .exclude(status=Order.Status.CANCELLED)
        .filter(occurred_day__gte=first - AROUND, occurred_day__lte=last + AROUND, occurred_at__lte=at)
        .order_by()
        .values_list("customer_id", "occurred_day")
        .annotate(
            orders=Count("pk", filter=Q(is_purchase=True)), spend=Sum(F("sold_base") - F("returned_base"))
        )
    )
    for customer, day, number, spend in orders:
        bought.setdefault(customer, []).append((day, number, spend or 0))
    found = []
    for is_answered in (True, False):
        some = [(c, day) for c, day, answered in rows if (answered is not None) is is_answered]
        found.append(_behaviour(some, bought))
    return found[0], found[1]


def _behaviour(
    some: list[tuple[int, int]], bought: Mapping[int, list[tuple[int, int, int]]]
) -> Behaviour | None:
    if not some:
        return None
    sums = [0, 0, 0, 0]
    for customer, asked in some:
        for day, number, spend in bought.get(customer, ()):
            if asked - AROUND <= day < asked:
                sums[0] += number
                sums[2] += spend
            elif asked < day <= asked + AROUND:  # the day itself says nothing of before or after
                sums[1] += number
                sums[3] += spend
    return Behaviour(len(some), *(one / len(some) for one in sums))


# --- Answers one by one ------------------------------------------------------------------------
def every_answer(survey: Survey, *, user: User, at: datetime) -> QuerySet[SurveyAnswer]:
    """Return all answers that ``user`` may see, the newest first; of open links for who sees everybody."""
    rows = SurveyAnswer.objects.filter(response__survey=survey, void=False, occurred_at__lte=at)
    if not user.sees_all:
        visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
        rows = rows.filter(Exists(visible.filter(pk=OuterRef("customer_id"))))
    return rows.order_by("-occurred_at", "-pk")


def words(
    survey: Survey, *, user: User, at: datetime, band: str = "", text: str = ""
) -> QuerySet[SurveyAnswer]:
    """Return what customers wrote, the newest first; of open links for who sees everybody.

    Args:
        band: only of those whose score was ``low``, ``middle`` or ``high``. ``text``: only with this in it.
    """
    rows = every_answer(survey, user=user, at=at).exclude(text="")
    if band:
        rows = rows.filter(in_band(band))
    if text:
        rows = rows.filter(text__icontains=text)
    return rows


def in_band(band: str) -> Q:
    """Return the condition that the score of the response lies in a band."""
    found = Q(pk__in=[])
    for (kind, points), (last_low, first_high) in BANDS.items():
        number = {
            "low": Q(response__score__lte=last_low),
            "middle": Q(response__score__gt=last_low, response__score__lt=first_high),
            "high": Q(response__score__gte=first_high),
        }[band]
        found |= Q(response__metric=str(kind), response__points=points) & number
    return found

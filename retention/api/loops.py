"""Loops: the way back to customers, read, worked on and counted. One action per verb."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from customers import company
from customers.ground import clock
from customers.ground.api import filters
from customers.ground.api.access import may
from customers.ground.api.problems import InvalidQuery
from customers.ground.api.views import Details, Lists, Resource
from customers.ground.localtime import day_of, start_of_day
from customers.models import FeedbackKind
from retention import loop as looping
from retention.api.loop_shapes import (
    ActOnLoop,
    AnswerPublicly,
    AskCustomer,
    AssignLoop,
    ConfirmLoop,
    DiagnoseLoop,
    FiguresShape,
    LogContact,
    LoopRowShape,
    LoopShape,
    NotSolved,
    Withdraw,
)
from retention.api.roles import GIVES_CASES, SEES_CASES, WORKS_CASES
from retention.loop import figures as counting
from retention.models import LoopClosure

MOVED = ["loop_ended", "loop_moved_meanwhile"]
WORKED = [*MOVED, "loop_move_not_allowed"]


class LoopFilter(filters.FilterSet):
    """Which loops."""

    source = filters.ChoiceFilter(choices=LoopClosure.Source.choices)
    kind = filters.ChoiceFilter(choices=FeedbackKind.choices)
    state = filters.ChoiceFilter(choices=LoopClosure.State.choices)
    is_open = filters.FlagFilter(field_name="ended_at", lookup_expr="isnull")
    owner = filters.IdFilter(field_name="owner_id")
    customer = filters.IdFilter(field_name="customer_id")
    case = filters.IdFilter(field_name="case_id")
    received_since = filters.MomentFilter(field_name="received_at", lookup_expr="gte")
    received_before = filters.MomentFilter(field_name="received_at", lookup_expr="lt")
    due_before = filters.MomentFilter(field_name="due_at", lookup_expr="lt")

    class Meta:
        model = LoopClosure
        fields: list[str] = []


class Loops(Lists, Details, Resource):
    tag = "loops"
    model = LoopClosure
    detail_route = "api:loop-detail"
    serializer_class = LoopShape
    filterset_class = LoopFilter
    orders = {"newest": ("-received_at", "-id"), "due": ("due_at", "id")}
    access = {
        "list": may(*SEES_CASES, scope="loops:read"),
        "retrieve": may(*SEES_CASES, scope="loops:read"),
        "figures": may(*SEES_CASES, scope="loops:read"),
        "assign": may(*GIVES_CASES, scope="loops:write"),
        **{
            name: may(*WORKS_CASES, scope="loops:write")
            for name in (
                "log_contact",
                "diagnose",
                "act_on",
                "ask",
                "answer",
                "confirm",
                "not_solved",
                "withdraw",
            )
        },
    }
    takes = {
        "assign": AssignLoop,
        "log_contact": LogContact,
        "diagnose": DiagnoseLoop,
        "act_on": ActOnLoop,
        "ask": AskCustomer,
        "answer": AnswerPublicly,
        "confirm": ConfirmLoop,
        "not_solved": NotSolved,
        "withdraw": Withdraw,
    }
    gives = {"list": LoopRowShape, "figures": FiguresShape}
    asks = {
        "figures": {
            "since": "The first day on which it was received; 30 days up to the last one if left out.",
            "until": "The last day on which it was received; today if left out.",
        }
    }
    refuses = {
        "assign": [*MOVED, "may_not_own_loop"],
        "log_contact": [*WORKED, "loop_contact_without_words"],
        "diagnose": [*WORKED, "cause_retired"],
        "act_on": [*WORKED, "loop_action_not_for_kind", "loop_action_without_words"],
        "ask": [*WORKED, "loop_unfinished", "loop_without_reply_address"],
        "answer": [*WORKED, "loop_answer_without_words", "loop_can_be_told", "feedback_without_reach"],
        "confirm": [*WORKED, "loop_confirmed_without_words"],
        "not_solved": WORKED,
        "withdraw": [*WORKED, "loop_withdrawn_without_reason", "loop_withdrawn_by_lead"],
    }
    examples = {
        "assign": {"to": 4},
        "log_contact": {"kind": "call", "text": "Talked for ten minutes.", "reached": True},
        "diagnose": {"cause": "price"},
        "act_on": {"action": "replaced", "text": "A new one is on its way."},
        "ask": {"message": "You have a new one since Tuesday."},
        "answer": {"words": "Answered below the post."},
        "confirm": {"words": "She said so on the phone on Tuesday."},
        "not_solved": {"words": "It broke again."},
        "withdraw": {"reason": "Filed twice."},
    }

    def rows(self) -> QuerySet[LoopClosure]:
        """Return the loops that the caller may see."""
        visible: QuerySet[LoopClosure] = LoopClosure.objects.visible_to(self.request.user)  # type: ignore[attr-defined]
        return visible if self.action == "list" else visible.select_related("customer", "contact__customer")

    @action(detail=True, methods=["post"])
    def assign(self, request: Request, pk: str) -> Response:
        """Give it to a colleague."""
        return self._do(looping.assign_loop)

    @action(detail=True, methods=["post"], url_path="log-contact")
    def log_contact(self, request: Request, pk: str) -> Response:
        """Log a contact, or an attempt; three attempts on two days count as a contact."""
        return self._do(looping.log_contact)

    @action(detail=True, methods=["post"])
    def diagnose(self, request: Request, pk: str) -> Response:
        """Name the cause."""
        return self._do(looping.diagnose_loop)

    @action(detail=True, methods=["post"], url_path="act", url_name="act")
    def act_on(self, request: Request, pk: str) -> Response:
        """Record what was done."""
        return self._do(looping.act)

    @action(detail=True, methods=["post"])
    def ask(self, request: Request, pk: str) -> Response:
        """Tell the customer what was done and ask whether it is solved."""
        return self._do(looping.ask_customer)

    @action(detail=True, methods=["post"])
    def answer(self, request: Request, pk: str) -> Response:
        """Record an answer in public, or directly to somebody unknown."""
        return self._do(looping.answer_publicly)

    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, pk: str) -> Response:
        """Note that the customer says it is solved, and how she said so; it is counted apart."""
        return self._do(looping.confirm)

    @action(detail=True, methods=["post"], url_path="not-solved")
    def not_solved(self, request: Request, pk: str) -> Response:
        """Note that the customer says it is not solved: it goes to the lead with a shorter deadline."""
        return self._do(looping.not_solved)

    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: str) -> Response:
        """Take back what needs no answer, with the reason."""
        return self._do(looping.withdraw)

    @action(detail=False, methods=["get"])
    def figures(self, request: Request) -> Response:
        """Return times, shares inside the deadline and what customers said, of all feedback and by group.

        Of what was received on the local days from `since` to `until`, at most 400; the last 30 as given.
        """
        since, until = _period(request)
        zone = company.current().time_zone
        received = LoopClosure.objects.visible_to(request.user).filter(  # type: ignore[attr-defined]
            received_at__gte=start_of_day(since.toordinal(), zone),
            received_at__lt=start_of_day(until.toordinal() + 1, zone),
        )
        found = counting.read(received)
        first = found[counting.BY[0]]
        groups = {f"by_{by}": figures.groups for by, figures in found.items()}
        told = {
            "since": since,
            "until": until,
            "whole": first.whole,
            "is_cut": first.is_cut,
            **groups,
        }
        return Response(FiguresShape(told).data)

    def _do(self, verb: Any) -> Response:
        loop = self.one()
        verb(loop, **self.taken(), by=self.request.user, at=clock.now())
        return self.shown(loop)


def _period(request: Request) -> tuple[date, date]:
    """Return the days that the address names; raise :class:`InvalidQuery` when they are none or too many."""
    said, wrong = dict[str, date](), dict[str, Any]()
    for name, text in request.query_params.items():
        try:
            said[name] = filters.DayFormField().clean(text)
        except ValidationError as error:
            wrong[name] = error.messages
    if wrong:
        raise InvalidQuery(wrong)
    until = said.get("until") or day_of(company.today(clock.now()).number)
    since = said.get("since") or until - timedelta(days=counting.DEFAULT_DAYS - 1)
    if not since <= until <= since + timedelta(days=counting.MOST_DAYS):
        text = _("The time ends after it begins, and is at most %(days)s days long.")
        raise InvalidQuery({"since": text % {"days": counting.MOST_DAYS}})
    return since, until

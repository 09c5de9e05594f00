"""Write random or told histories into the database, version by version, as the product would."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from django.db.models import Model

from customers.models import (
    Address,
    Community,
    CommunityMembership,
    Competitor,
    CompetitorSighting,
    Complaint,
    ComplaintEvent,
    Contact,
    Contract,
    Customer,
    Indicator,
    IndicatorValue,
    Interaction,
    Invoice,
    InvoiceEvent,
    MainContactChange,
    Mention,
    Order,
    OrderLine,
    Ownership,
    Product,
    Usage,
    UsageMetric,
    User,
    UserActivity,
)
from loyalty.models import Membership, PointsEntry, PointsLot, TierMove
from retention.models import Standing
from surveys.models import SurveyAnswer, SurveyAsked, SurveyResponse
from tests.factories import ContactFactory
from tests.retention import points
from tests.retention.measures.truth import WITHDRAWN, Fact, Version, local_day
from tests.surveys.factories import SurveyResponseFactory, SurveyVersionFactory

MODELS: dict[str, type[Model]] = {
    "orders": Order,
    "contracts": Contract,
    "interactions": Interaction,
    "complaints": ComplaintEvent,
    "deliveries": Order,
    "products": OrderLine,
    "invoices": InvoiceEvent,
    "usage": Usage,
    "balances": Usage,
    "sightings": CompetitorSighting,
    "communities": CommunityMembership,
    "indicators": IndicatorValue,
    "answers": SurveyAnswer,
    "asked": SurveyAsked,
    "mentions": Mention,
    "ownership": Ownership,
    "addresses": Address,
    "main_contact": MainContactChange,
    "standing": Standing,
    "points": PointsEntry,
    "expiring": PointsEntry,
    "tiers": TierMove,
    "memberships": Membership,
}
LEDGER = {"points", "expiring", "tiers", "memberships"}
"""What stays as it was written."""


class Recorder:
    """Writes facts for some customers and users; remembers which row is which fact."""

    def __init__(self, *, zone: str, customers: list[Customer], users: list[User]) -> None:
        self.zone, self.customers, self.users = zone, customers, users
        self.rows: dict[int, int] = {}  # id of the fact in Python -> primary key
        self.written: dict[int, int] = {}  # the same -> how many of its versions are written
        self.threads: dict[int, Complaint] = {}
        self.people: dict[int, Contact] = {}
        self.invoices: dict[int, Invoice] = {}
        self.orders: dict[int, Order] = {}  # id of the fact in Python -> the order of a line
        self.responses: dict[int, SurveyResponse] = {}  # id of the fact in Python -> that of an answer
        self.survey: int | None = None
        self.lots: dict[int, PointsLot] = {}
        self.number = 0

    def write(self, facts: Iterable[Fact], *, until: datetime | None = None) -> list[int]:
        """Write what is not written yet, or only what was recorded before ``until``.

        Returns the ids of the customers whose facts changed.
        """
        touched = set()
        for fact in facts:
            done = self.written.get(id(fact), 0)
            for version in fact.versions[done:]:
                if until is not None and version.recorded_at >= until:
                    break
                self._write(fact, version)
                self.written[id(fact)] = self.written.get(id(fact), 0) + 1
                touched |= {c.pk for c in self.customers} if fact.kind == "activity" else {self.pk_of(fact)}
        return sorted(touched)

    def pk_of(self, fact: Fact) -> int:
        """Return the id of the customer of a fact."""
        return self.customers[fact.customer].pk

    def _write(self, fact: Fact, version: Version) -> None:
        moments = {
            "occurred_at": version.occurred_at,
            "occurred_day": local_day(version.occurred_at, self.zone),
            "recorded_at": version.recorded_at,
        }
        if fact.kind == "activity":
            user = self.users[version.values["user"]]
            self._number(fact)
            UserActivity.objects.create(user=user, is_active=version.values["is_active"], **moments)
            return
        if fact.kind in LEDGER:
            self._number(fact)
            self._entered(fact, version)
            return
        values = {**moments, "void": version.void, **self._columns[fact.kind](self, fact, version)}
        model = MODELS[fact.kind]
        if id(fact) in self.rows:
            model._default_manager.filter(pk=self.rows[id(fact)]).update(**values)
            return
        self._number(fact)
        row = model._default_manager.create(customer_id=self.pk_of(fact), **values)
        self.rows[id(fact)] = row.pk

    def _entered(self, fact: Fact, version: Version) -> None:
        """Write a row of the ledger; what is told of a lot moves points of it."""
        customer, said = self.customers[fact.customer], version.values
        at, known_at = version.occurred_at, version.recorded_at
        if fact.kind == "tiers":
            grace = said["grace"]
            points.tier(customer, said["old"], said["new"], at, known_at=known_at, grace_until_day=grace)
            return
        if fact.kind == "memberships":
            cancelled_at, cancelled_day = said["cancelled"] or (None, None)
            points.member(
                customer,
                said["ends"],
                at,
                known_at=known_at,
                cancelled_at=cancelled_at,
                cancelled_day=cancelled_day,
            )
            return
        made = points.entry(
            customer, said["entry"], said["points"], at, known_at=known_at, pending=said["pending"]
        )
        if fact.kind == "expiring" and said["entry"] == "earn":
            self.lots[fact.thread] = points.lot(made, said["points"], said["ends"])
        elif fact.kind == "expiring":
            points.took(made, self.lots[fact.thread], said["points"])

    def _number(self, fact: Fact) -> None:
        self.number += 1
        fact.number = self.number

    def _order(self, fact: Fact, version: Version) -> dict[str, Any]:
        values = version.values
        return {
            "status": values["status"],
            "is_purchase": values["is_purchase"],
            "currency": "CNY",
            "sold": values["sold"],
            "returned": values["returned"],
            "sold_base": values["sold"],
            "returned_base": values["returned"],
            "margin_base": values["margin"],
        }

    def _contract(self, fact: Fact, version: Version) -> dict[str, Any]:
        values = version.values
        return {
            "starts_day": values["starts"],
            "ends_day": values["ends"],
            "auto_renew": values["auto_renew"],
            "renewed_day": values["renewed"],
            "terminated_day": values["terminated"],
            "currency": "CNY",
            "value": values["value"],
            "value_base": values["value"],
        }

    def _interaction(self, fact: Fact, version: Version) -> dict[str, Any]:
        return {
            "kind": "call",
            "reached": version.values["reached"],
            "direction": version.values["direction"],
        }

    def _complaint(self, fact: Fact, version: Version) -> dict[str, Any]:
        if fact.thread not in self.threads:
            self.threads[fact.thread] = Complaint.objects.create(
                customer_id=self.pk_of(fact),
                occurred_at=version.occurred_at,
                occurred_day=local_day(version.occurred_at, self.zone),
                recorded_at=version.recorded_at,
            )
        return {
            "complaint": self.threads[fact.thread],
            "kind": version.values["event"],
            "due_day": version.values["due"],
        }

    def _delivery(self, fact: Fact, version: Version) -> dict[str, Any]:
        return {  # of which nothing but its delivery counts
            "status": version.values["status"],
            "promised_day": version.values["promised"],
            "delivered_day": version.values["delivered"],
            "is_purchase": False,
            "currency": "CNY",
        }

    def _line(self, fact: Fact, version: Version) -> dict[str, Any]:
        """Return a line; its order, of which nothing else counts, is recorded with it."""
        moments = {
            "occurred_at": version.occurred_at,
            "occurred_day": local_day(version.occurred_at, self.zone),
            "recorded_at": version.recorded_at,
        }
        said = {**moments, "status": version.values["status"], "is_purchase": False, "currency": "CNY"}
        if id(fact) in self.orders:
            Order.objects.filter(pk=self.orders[id(fact)].pk).update(**said)
        else:
            self.orders[id(fact)] = Order.objects.create(customer_id=self.pk_of(fact), **said)
        number, quantity = version.values["product"], version.values["quantity"]
        return {
            "order": self.orders[id(fact)],
            "line_no": 1,
            "product": None if number is None else self.sold(number),
            "quantity": quantity,
            "unit_price": 1,
            "amount": 100 * quantity,
        }

    def sold(self, number: int) -> Product:
        """Return a product of which it is known from the first whether and when it is withdrawn."""
        day = WITHDRAWN[number]
        known = None if day is None else datetime(2000, 1, 1, tzinfo=UTC)
        values = {"name": "W", "withdrawn_day": day, "withdrawn_known_at": known}
        return Product.objects.get_or_create(code=f"W{number}", defaults=values)[0]

    def _invoice(self, fact: Fact, version: Version) -> dict[str, Any]:
        if fact.thread not in self.invoices:
            self.invoices[fact.thread] = Invoice.objects.create(
                customer_id=self.pk_of(fact),
                occurred_at=version.occurred_at,
                occurred_day=local_day(version.occurred_at, self.zone),
                recorded_at=version.recorded_at,
                currency="CNY",
                amount=1000,
                amount_base=1000,
                due_day=1,
            )
        return {
            "invoice": self.invoices[fact.thread],
            "kind": version.values["event"],
            "amount": version.values["amount"],
            "amount_base": 2 * version.values["amount"],
            "due_day": version.values["due"],
        }

    def _use(self, fact: Fact, version: Version) -> dict[str, Any]:
        return {"metric": self.metric("logins"), "kind": "use", "milli": version.values["milli"]}

    def _balance(self, fact: Fact, version: Version) -> dict[str, Any]:
        values = version.values
        metric = self.metric("balance" if values["metric"] == 0 else "seats")
        product = values["product"]
        return {
            "metric": metric,
            "kind": "balance",
            "milli": values["milli"],
            "product": None if product is None else self.product(product),
        }

    def _sighting(self, fact: Fact, version: Version) -> dict[str, Any]:
        seen, ours = version.values["seen"], version.values["ours"]
        return {
            "competitor": Competitor.objects.get_or_create(name="Rival")[0],
            "price_seen_base": seen,
            "price_ours_base": ours,
        }

    def metric(self, code: str) -> UsageMetric:
        """Return a metric, made when it is needed."""
        kind = "use" if code == "logins" else "balance"
        names = {"name_en": code, "name_zh": code}
        return UsageMetric.objects.get_or_create(code=code, defaults={"kind": kind, **names})[0]

    def product(self, number: int) -> Product:
        """Return a product, made when it is needed."""
        return Product.objects.get_or_create(code=f"P{number}", defaults={"name": f"P{number}"})[0]

    def _owner(self, fact: Fact, version: Version) -> dict[str, Any]:
        user = version.values["user"]
        return {"user": None if user is None else self.users[user]}

    def _address(self, fact: Fact, version: Version) -> dict[str, Any]:
        return {"place": version.values["place"]}

    def _main_contact(self, fact: Fact, version: Version) -> dict[str, Any]:
        if fact.customer not in self.people:
            self.people[fact.customer] = ContactFactory(customer=self.customers[fact.customer])
        return {"kind": version.values["change"], "contact": self.people[fact.customer]}

    def _member(self, fact: Fact, version: Version) -> dict[str, Any]:
        named = {"name": "Group", "platform": "wechat"}
        community = Community.objects.get_or_create(code="group", defaults=named)[0]
        return {"community": community, "left_day": version.values["left"]}

    def _figure(self, fact: Fact, version: Version) -> dict[str, Any]:
        worse = version.values["worse"]  # an indicator for each direction
        named = {"name_en": worse, "name_zh": worse, "worse": worse}
        indicator = Indicator.objects.get_or_create(code=worse, defaults=named)[0]
        return {"indicator": indicator, "worse": worse, "milli": version.values["milli"]}

    def _answer(self, fact: Fact, version: Version) -> dict[str, Any]:
        values = version.values
        if id(fact) not in self.responses:
            self.responses[id(fact)] = SurveyResponseFactory(customer=self.customers[fact.customer])
        return {
            "response": self.responses[id(fact)],
            "question": "q",
            "kind": values["kind"],
            "points": values["points"],
            "number": values["score"],
        }

    def _asked(self, fact: Fact, version: Version) -> dict[str, Any]:
        if self.survey is None:
            self.survey = SurveyVersionFactory().survey_id
        return {"survey_id": self.survey, "answered_day": version.values["answered"]}

    def _mention(self, fact: Fact, version: Version) -> dict[str, Any]:
        return {"platform": "weibo", "sentiment": version.values["sentiment"]}

    def _standing(self, fact: Fact, version: Version) -> dict[str, Any]:
        return dict(version.values)

    _columns: dict[str, Callable[[Recorder, Fact, Version], dict[str, Any]]] = {
        "orders": _order,
        "contracts": _contract,
        "interactions": _interaction,
        "complaints": _complaint,
        "deliveries": _delivery,
        "products": _line,
        "invoices": _invoice,
        "usage": _use,
        "balances": _balance,
        "sightings": _sighting,
        "communities": _member,
        "indicators": _figure,
        "answers": _answer,
        "asked": _asked,
        "mentions": _mention,
        "ownership": _owner,
        "addresses": _address,
        "main_contact": _main_contact,
        "standing": _standing,
    }

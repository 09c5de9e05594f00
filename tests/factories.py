"""Factories: the smallest true record of each kind, with its facts and caches in agreement.

Moments default to :data:`NOW`, a Monday morning in Shanghai. ``occurred_day`` follows from
``occurred_at`` in the company's zone; ``recorded_at`` follows ``occurred_at`` unless given.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import factory
from factory.django import DjangoModelFactory

from customers.company import STANDARD_WEEK
from customers.competitor_names import key_of
from customers.ground import localtime
from customers.ground.models import Company
from customers.models import (
    Address,
    Community,
    CommunityMembership,
    Competitor,
    CompetitorName,
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
    Team,
    Usage,
    UsageMetric,
    User,
    UserActivity,
)
from customers.search import index, words

NOW = datetime(2026, 5, 11, 2, 0, tzinfo=UTC)  # Monday 10:00 in Shanghai
PASSWORD = "correct horse battery"


def zone() -> str:
    """Return the company's zone, Asia/Shanghai when no company was set up."""
    return Company.objects.values_list("time_zone", flat=True).first() or "Asia/Shanghai"


def findable(*customers: Customer) -> None:
    """Let customers be found by the search; without any, all."""
    index.write([customer.pk for customer in customers] or Customer.objects.values_list("pk", flat=True))


def day(moment: datetime) -> int:
    """Return the local day number of a moment in the company's zone."""
    return localtime.day_number(moment, zone())


def ago(days: float, *, at: datetime = NOW) -> datetime:
    """Return the moment ``days`` before ``at``."""
    return at - timedelta(days=days)


class CompanyFactory(DjangoModelFactory[Company]):
    class Meta:
        model = Company
        django_get_or_create = ("id",)

    id = 1
    name = "Liuke Test Co."
    base_currency = "CNY"
    time_zone = "Asia/Shanghai"
    default_margin_bp = 3000
    week = STANDARD_WEEK


class TeamFactory(DjangoModelFactory[Team]):
    class Meta:
        model = Team

    name = factory.Sequence(lambda n: f"Team {n}")


class UserFactory(DjangoModelFactory[User]):
    """An account manager; give ``role`` and ``team`` for others. The password is ``PASSWORD``."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"user{n}")
    first_name = factory.Sequence(lambda n: f"First{n}")
    last_name = "Wang"
    email = factory.LazyAttribute(lambda o: f"{o.username}@example.com")
    role = "account_manager"
    password = factory.django.Password(PASSWORD)
    date_joined = NOW - timedelta(days=1000)


class CustomerFactory(DjangoModelFactory[Customer]):
    """A customer with its main contact; an ``owner`` comes with the dated fact of ownership."""

    class Meta:
        model = Customer
        skip_postgeneration_save = True

    name = factory.Sequence(lambda n: f"Customer {n}")
    sort_key = factory.LazyAttribute(lambda o: words.sort_key(o.name))
    kind = "company"
    created_at = NOW - timedelta(days=1000)
    updated_at = NOW - timedelta(days=1000)
    team = factory.LazyAttribute(lambda o: o.owner.team if getattr(o, "owner", None) else None)
    owner = None

    @factory.post_generation
    def contact(self: Any, create: bool, extracted: Any, **kwargs: Any) -> None:
        """Make the main contact unless ``contact=False``."""
        if create and extracted is not False:
            ContactFactory(customer=self, **kwargs)

    @factory.post_generation
    def ownership(self: Any, create: bool, extracted: Any, **kwargs: Any) -> None:
        """Make the ownership that the ``owner`` column caches, unless ``ownership=False``."""
        if create and extracted is not False and self.owner_id:
            OwnershipFactory(
                customer=self, user=self.owner, team=self.team, **{"occurred_at": self.created_at, **kwargs}
            )


class ContactFactory(DjangoModelFactory[Contact]):
    class Meta:
        model = Contact

    customer = factory.SubFactory(CustomerFactory, contact=False)
    name = factory.Sequence(lambda n: f"Contact {n}")
    phone = factory.Sequence(lambda n: f"+86 10 5550 {n:04d}")
    email = factory.Sequence(lambda n: f"contact{n}@example.org")
    is_main = True
    created_at = NOW - timedelta(days=1000)
    updated_at = NOW - timedelta(days=1000)


class ProductFactory(DjangoModelFactory[Product]):
    class Meta:
        model = Product

    code = factory.Sequence(lambda n: f"P{n}")
    name = factory.Sequence(lambda n: f"Product {n}")


class FactFactory(DjangoModelFactory[Any]):
    """What every fact has: three moments and the local day."""

    class Meta:
        abstract = True

    customer: Any = factory.SubFactory(CustomerFactory)
    occurred_at: Any = NOW - timedelta(days=1)
    recorded_at: Any = factory.LazyAttribute(lambda o: o.occurred_at)
    occurred_day: Any = factory.LazyAttribute(lambda o: day(o.occurred_at))


class OrderFactory(FactFactory):
    """A purchase of ``sold`` minor units (100.00) in the base currency, margin 30 %."""

    class Meta:
        model = Order

    number = factory.Sequence(lambda n: f"O{n}")
    currency = "CNY"
    sold = 10000
    returned = 0
    is_purchase = factory.LazyAttribute(lambda o: o.sold > 0 or o.returned == 0)
    sold_base = factory.LazyAttribute(lambda o: o.sold)
    returned_base = factory.LazyAttribute(lambda o: o.returned)
    margin_base = factory.LazyAttribute(lambda o: (o.sold_base - o.returned_base) * 3 // 10)


class OrderLineFactory(FactFactory):
    """One line of an order, dated as the order is."""

    class Meta:
        model = OrderLine

    order = factory.SubFactory(OrderFactory)
    customer = factory.LazyAttribute(lambda o: o.order.customer)
    occurred_at = factory.LazyAttribute(lambda o: o.order.occurred_at)
    line_no = factory.LazyAttribute(lambda o: o.order.lines.count() + 1)
    product = factory.SubFactory(ProductFactory)
    quantity = 1
    unit_price = factory.LazyAttribute(lambda o: o.amount / 100)
    amount = 10000


class ContractFactory(FactFactory):
    """A contract of a year that began 100 days before ``NOW`` and does not renew by itself."""

    class Meta:
        model = Contract

    number = factory.Sequence(lambda n: f"C{n}")
    occurred_at = NOW - timedelta(days=100)
    starts_day = factory.LazyAttribute(lambda o: day(o.occurred_at))
    ends_day = factory.LazyAttribute(lambda o: o.starts_day + 364)
    currency = "CNY"
    value = 1200000
    value_base = factory.LazyAttribute(lambda o: o.value)


class InteractionFactory(FactFactory):
    """A call that reached the customer."""

    class Meta:
        model = Interaction

    kind = "call"
    direction = "out"
    reached = True
    text = "Talked about the last delivery."


class ComplaintFactory(FactFactory):
    """A complaint with its ``opened`` event; ``due_day`` dates it, ``resolved_at`` resolves it."""

    class Meta:
        model = Complaint
        skip_postgeneration_save = True

    channel = "phone"
    category = "delivery"
    severity = 2
    text = "The delivery was late."

    @factory.post_generation
    def due_day(self: Any, create: bool, extracted: int | None, **kwargs: Any) -> None:
        """Make the opened event, carrying the local day by whose end it must be resolved."""
        if create:
            ComplaintEventFactory(
                complaint=self, kind="opened", due_day=extracted, occurred_at=self.occurred_at
            )
            if extracted is not None:
                self.due_at = localtime.start_of_day(extracted + 1, zone())
                Complaint.objects.filter(pk=self.pk).update(due_at=self.due_at)

    @factory.post_generation
    def resolved_at(self: Any, create: bool, extracted: datetime | None, **kwargs: Any) -> None:
        """Resolve the complaint at this moment."""
        if create and extracted is not None:
            ComplaintEventFactory(complaint=self, kind="resolved", occurred_at=extracted)
            self.state = Complaint.State.RESOLVED
            Complaint.objects.filter(pk=self.pk).update(state=self.state)


class ComplaintEventFactory(FactFactory):
    """One step of a complaint."""

    class Meta:
        model = ComplaintEvent

    complaint = factory.SubFactory(ComplaintFactory)
    customer = factory.LazyAttribute(lambda o: o.complaint.customer)
    occurred_at = factory.LazyAttribute(lambda o: o.complaint.occurred_at)
    recorded_at = factory.LazyAttribute(lambda o: o.occurred_at)
    kind = "acknowledged"
    due_day = None


class InvoiceFactory(FactFactory):
    """An invoice of 100.00 issued 20 days ago, due 10 days ago, with its first step."""

    class Meta:
        model = Invoice
        skip_postgeneration_save = True

    number = factory.Sequence(lambda n: f"I{n}")
    occurred_at = NOW - timedelta(days=20)
    currency = "CNY"
    amount = 10000
    amount_base = factory.LazyAttribute(lambda o: o.amount)
    due_day = factory.LazyAttribute(lambda o: day(NOW) - 10)

    @factory.post_generation
    def issued(self: Any, create: bool, extracted: Any, **kwargs: Any) -> None:
        """Make the step that the measures read."""
        if create:
            InvoiceEventFactory(
                invoice=self, kind="issued", occurred_at=self.occurred_at, due_day=self.due_day
            )


class InvoiceEventFactory(FactFactory):
    """A payment of the whole invoice, yesterday."""

    class Meta:
        model = InvoiceEvent

    invoice = factory.SubFactory(InvoiceFactory)
    customer = factory.LazyAttribute(lambda o: o.invoice.customer)
    kind = "paid"
    amount = factory.LazyAttribute(lambda o: o.invoice.amount)
    amount_base = factory.LazyAttribute(lambda o: o.amount)


class UsageFactory(FactFactory):
    """Five logins; ``code`` names another metric of the catalogue, ``quantity`` in whole numbers."""

    class Meta:
        model = Usage
        exclude = ("quantity",)

    class Params:
        code = "logins"

    quantity = 5
    metric = factory.LazyAttribute(lambda o: UsageMetric.objects.get(code=o.code))
    kind = factory.LazyAttribute(lambda o: o.metric.kind)
    milli = factory.LazyAttribute(lambda o: o.quantity * 1000)


class CompetitorFactory(DjangoModelFactory[Competitor]):
    """A checked competitor, found by its own name."""

    class Meta:
        model = Competitor
        skip_postgeneration_save = True

    name = factory.Sequence(lambda n: f"Rival {n}")
    is_checked = True

    @factory.post_generation
    def aliases(self: Any, create: bool, extracted: Any, **kwargs: Any) -> None:
        """Enter its own name, and the aliases given."""
        for name in (self.name, *(extracted or ())) if create else ():
            CompetitorName.objects.create(competitor=self, name=name, key=key_of(name))


class SightingFactory(FactFactory):
    """A competitor seen; prices in yuan when they are given, the company's money is its currency."""

    class Meta:
        model = CompetitorSighting
        exclude = ("seen", "ours")

    competitor = factory.SubFactory(CompetitorFactory)
    offered = "10 % off"
    seen: Any = None
    ours: Any = None
    currency = factory.LazyAttribute(lambda o: "CNY" if o.seen else "")
    price_seen = factory.LazyAttribute(lambda o: o.seen and o.seen * 100)
    price_ours = factory.LazyAttribute(lambda o: o.ours and o.ours * 100)
    price_seen_base = factory.LazyAttribute(lambda o: o.price_seen)
    price_ours_base = factory.LazyAttribute(lambda o: o.price_ours)


class CommunityFactory(DjangoModelFactory[Community]):
    """A WeChat group."""

    class Meta:
        model = Community

    code = factory.Sequence(lambda n: f"group-{n}")
    name = factory.Sequence(lambda n: f"Group {n}")
    platform = "wechat"


class CommunityMembershipFactory(FactFactory):
    """The customer joined a community and has not left it."""

    class Meta:
        model = CommunityMembership

    community = factory.SubFactory(CommunityFactory)
    left_day = factory.LazyAttribute(lambda o: day(o.left_at) if o.left_at else None)
    left_at = None


class IndicatorFactory(DjangoModelFactory[Indicator]):
    """A score of which less is worse."""

    class Meta:
        model = Indicator
        django_get_or_create = ("code",)

    code = "health-score"
    name_en = "Health score"
    name_zh = "健康度"
    worse = "lower"


class IndicatorValueFactory(FactFactory):
    """Fifty points; ``number`` in whole numbers."""

    class Meta:
        model = IndicatorValue
        exclude = ("number",)

    number = 50
    indicator = factory.SubFactory(IndicatorFactory)
    worse = factory.LazyAttribute(lambda o: o.indicator.worse)
    milli = factory.LazyAttribute(lambda o: o.number * 1000)


class OwnershipFactory(FactFactory):
    """From its moment on ``user`` owns the customer."""

    class Meta:
        model = Ownership

    user = factory.SubFactory(UserFactory)
    team = factory.LazyAttribute(lambda o: o.user.team if o.user else None)


class UserActivityFactory(DjangoModelFactory[UserActivity]):
    """From its moment on ``user`` is there or not."""

    class Meta:
        model = UserActivity

    user = factory.SubFactory(UserFactory)
    is_active = False
    occurred_at = NOW - timedelta(days=1)
    recorded_at = factory.LazyAttribute(lambda o: o.occurred_at)
    occurred_day = factory.LazyAttribute(lambda o: day(o.occurred_at))


class AddressFactory(FactFactory):
    """From its moment on the customer is in this place."""

    class Meta:
        model = Address

    place = "CN-31"


class MainContactFactory(FactFactory):
    """The main contact left."""

    class Meta:
        model = MainContactChange

    kind = "left"
    contact = factory.LazyAttribute(lambda o: o.customer.contacts.first())


class MentionFactory(FactFactory):
    """A bad review of a customer; ``customer=None`` for one that nobody knows."""

    class Meta:
        model = Mention

    platform = "dianping"
    external_id = factory.Sequence(lambda n: f"post-{n}")
    handle = factory.Sequence(lambda n: f"tea_lover_{n}")
    url = factory.LazyAttribute(lambda o: f"https://www.example.com/{o.external_id}")
    text = "Two boxes were wet."
    sentiment = "negative"
    source = "form"

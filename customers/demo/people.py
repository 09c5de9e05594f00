"""The demo company's own rows: company, teams, users, goods, and the catalogues that it keeps."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.hashers import make_password

from customers import company as firm
from customers.competitor_names import key_of
from customers.demo import company, records
from customers.demo.moments import aware
from customers.demo.rows import SEGMENTS
from customers.models import (
    Attribute,
    Community,
    Competitor,
    CompetitorName,
    Indicator,
    Platform,
    Product,
    Team,
    User,
    Worse,
)
from customers.models.people import Role
from customers.ownership import set_active

ACCOUNTS = ("admin", "lead", "manager", "analyst")


def set_up_company(*, at: datetime) -> None:
    """Set up the company's row: its currency, zone, calendar and margin."""
    firm.set_up(
        currency=company.CURRENCY,
        time_zone=company.ZONE,
        margin=Decimal("0.3"),
        name=f"{company.NAME_ZH} {company.NAME_EN}",
        language="zh-hans",
        country="CN",
        is_demo=True,
        by=None,
        at=at,
    )


def make_teams(rows: Iterable[records.Team]) -> dict[str, Team]:
    """Make the teams; the answer is by key."""
    made = [Team(name=f"{row.name_zh} {row.name_en}") for row in rows]
    return dict(zip((row.key for row in rows), Team.objects.bulk_create(made), strict=True))


def make_users(
    rows: list[records.Employee], teams: dict[str, Team], *, password: str, joined_at: datetime
) -> dict[str, User]:
    """Make the people; only the four demo accounts can sign in. The answer is by key."""
    hashed, locked = make_password(password), make_password(None)
    made = [
        User(
            username=row.key,
            first_name=row.name_zh,
            last_name=row.name_en,
            email=f"{row.key}@yunfan.example",
            role=Role(row.role),
            team=teams.get(row.team),
            language="en" if row.key in ACCOUNTS else row.language,
            password=hashed if row.key in ACCOUNTS else locked,
            date_joined=joined_at,
            is_staff=row.role == Role.ADMIN,
            is_superuser=row.role == Role.ADMIN,
        )
        for row in rows
    ]
    return dict(zip((row.key for row in rows), User.objects.bulk_create(made), strict=True))


def let_go(rows: Iterable[records.Employee], users: dict[str, User]) -> None:
    """Note who has left the company, on the day of leaving."""
    for row in rows:
        if row.left_at:
            set_active(users[row.key], is_active=False, by=None, at=aware(row.left_at))


def make_products(rows: Iterable[records.Product]) -> dict[str, int]:
    """Make the goods; the answer is their ids by key."""
    made = [
        Product(
            code=row.key, name=row.name_zh, name_alt=row.name_en, category=row.category, unit_cost=row.cost
        )
        for row in rows
    ]
    return {row.code: row.pk for row in Product.objects.bulk_create(made)}


def make_attributes() -> dict[str, int]:
    """Make the attributes that the company keeps of its customers; the answer is their ids by code."""
    terms = ["prepaid", "net15", "net30"]
    made = [
        Attribute(
            code="industry", kind="choice", label_en="Industry", label_zh="行业", choices=list(SEGMENTS)
        ),
        Attribute(code="employees", kind="number", label_en="Employees", label_zh="员工人数"),
        Attribute(
            code="payment_terms", kind="choice", label_en="Payment terms", label_zh="付款方式", choices=terms
        ),
    ]
    return {row.code: row.pk for row in Attribute.objects.bulk_create(made)}


def make_competitors() -> None:
    """Make the competitors, each known by its Chinese and its English name."""
    made = Competitor.objects.bulk_create(
        Competitor(name=name, is_checked=True) for name, _english in company.COMPETITORS
    )
    CompetitorName.objects.bulk_create(
        CompetitorName(competitor=row, name=name, key=key_of(name))
        for row, names in zip(made, company.COMPETITORS, strict=True)
        for name in names
    )


def make_communities(rows: Iterable[records.Team]) -> None:
    """Make the group of each team's customers."""
    Community.objects.bulk_create(
        Community(code=row.key, name=f"{row.name_zh}客户群 {row.name_en} group", platform=Platform.WECHAT)
        for row in rows
    )


def make_indicators() -> None:
    """Make the indicators that the company keeps an eye on."""
    Indicator.objects.create(
        code="payment_rating", name_en="Payment rating", name_zh="付款信用评分", worse=Worse.LOWER
    )

"""Enter into the demo company what its pictures show and a demo does not bring: run once, before ``make.py``.

Run ``LIUKE_DEMO=1 python docs/images/fill.py`` beside a running demo. Fills the file and the dealings of one
customer of the account manager, an import to look at, a segment, and two customers that are one; defines
what counts as lost, applies it to the past, makes an own measure, and tries a rule on the past; plans to
whom a survey is sent, holds an interview, and plans greetings on birthdays and at Mid-Autumn.
"""

from __future__ import annotations

import os
import sys
import tempfile
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import django

ROOT = Path(__file__).resolve().parents[2]
QUIET = {"all": [
    {"measure": "orders_365d", "op": ">=", "value": 4},
    {"any": [
        {"measure": "days_since_last_order", "op": ">=", "value": 60},
        {"measure": "complaints_90d", "op": ">=", "value": 1},
    ]},
]}  # fmt: skip
WRONG = "external_id,name,kind,city\nM-1,西湖茶社,company,杭州\nM-2,湖滨书屋,company,杭州\n"


def main() -> None:
    """Enter everything as the demo's own people; say the number of the customer."""
    from customers.ground import clock
    from customers.models import User

    at = clock.now()
    manager, admin = User.objects.get(username="manager"), User.objects.get(username="admin")
    customer = _richest(manager)
    _know(customer, by=manager, at=at)
    _deal(customer, manager=manager, admin=admin, at=at)
    _alike(manager, at=at)
    _segment_and_import(admin, at=at)
    _rules(admin, at=at)
    _survey(admin, at=at)
    _interview(customer, manager=manager, admin=admin, at=at)
    _care(admin, at=at)
    sys.stdout.write(f"{customer.pk}\n")


def _richest(manager: Any) -> Any:
    """Return the manager's customer of whom there is most to see."""
    from django.db.models import Count

    counts: Any = {name: Count(name, distinct=True) for name in ("contracts", "contacts", "invoices")}
    found = manager.customers.annotate(**{f"n_{name}": count for name, count in counts.items()})
    return found.filter(n_contracts__gte=1, n_contacts__gte=2).order_by("-n_invoices", "pk")[0]


def _know(customer: Any, *, by: Any, at: datetime) -> None:
    from customers import handles, needs

    main = customer.contacts.get(is_main=True)
    for kind, topic, source, text in (
        ("need", "delivery", "visit", "周二和周五上午送货，走后门。"),
        ("dislike", "service", "call", "不喜欢频繁的促销电话。"),
        ("plan", "product", "visit", "秋天在园区开第二家店。"),
    ):
        needs.note_need(
            customer, kind=kind, topic=topic, source=source, text=text, contact=main, by=by, at=at
        )
    for platform, handle in (("wechat", "chunkang-cg"), ("xiaohongshu", "春康小馆")):
        handles.add_handle(customer, platform=platform, handle=handle, contact=main, by=by, at=at)


def _deal(customer: Any, *, manager: Any, admin: Any, at: datetime) -> None:
    from customers import communities, competitors, indicators, sightings, usage
    from customers.models import UsageMetric

    who: Any = {"by": admin, "at": at}
    rival = competitors.add_competitor(
        name="红海商贸",
        aliases=["红海"],
        products="办公用品、茶饮",
        talking_points="他们次日送达，我们当日送达并免费退换。",
        **who,
    )
    mine: Any = {"by": manager, "at": at}
    for days, offered, seen, ours in ((9, "首单九折", 4280, 4650), (64, "免运费三个月", None, None)):
        moment = at - timedelta(days=days)
        sightings.record_sighting(
            customer, competitor=rival, offered=offered, price_seen=seen, price_ours=ours,
            occurred_at=moment, **mine,
        )  # fmt: skip
    sightings.record_sighting(customer, competitor="北方批发", learnt_from="visit", **mine)
    for code, name, days in (("tea", "茶饮老板群", 300), ("new", "新品试用群", 40)):
        group = communities.add_community(code=code, name=name, platform="wecom", **who)
        moment = at - timedelta(days=days)
        member = communities.join_community(customer, community=group, occurred_at=moment, **mine)
    communities.leave_community(member, left_at=at - timedelta(days=3), **mine)
    score = indicators.define_indicator(
        code="health", name_en="Health score", name_zh="健康度", worse="lower", unit="", **who
    )
    for days, value in ((70, "82"), (40, "74.5"), (8, "61")):
        moment = at - timedelta(days=days)
        indicators.record_value(customer, indicator=score, value=Decimal(value), occurred_at=moment, **mine)
    logins = UsageMetric.objects.get(code="logins")
    for weeks in range(1, 9):
        moment = at - timedelta(weeks=weeks)
        amount = Decimal(4 + 3 * weeks)
        usage.record_usage(customer, metric=logins, quantity=amount, occurred_at=moment, **mine)


def _alike(manager: Any, *, at: datetime) -> None:
    from customers import customers, duplicates

    made = []
    for name, other, city in (("杭州清风茶业有限公司", "Breeze Tea", "杭州"), ("杭州清风茶业", "", "")):
        one = customers.create_customer(
            name=name, name_alt=other, city=city, owner=manager, by=manager, at=at,
            contact={"name": "陆静", "phone": "13912345678"},
        )  # fmt: skip
        made.append(one.pk)
    duplicates.find_for(made, at=at)


def _segment_and_import(admin: Any, *, at: datetime) -> None:
    from customers.imports import batches, kinds, mapping
    from retention import segments

    segments.save(
        "quiet", name_en="Quiet or complaining", name_zh="沉默或投诉", condition=QUIET, by=admin, at=at
    )
    segments.note_counts(at=at)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "客户-门店.csv"
        path.write_text(WRONG, encoding="utf-8")
        stated = mapping.from_data({"source": "门店"})
        batches.import_file(path, kinds.named("customers"), stated, by=admin, at=at)


def _rules(admin: Any, *, at: datetime) -> None:
    from customers.models import Indicator
    from retention import backtest, losses
    from retention.losses.past import write_history
    from retention.measures import making
    from retention.models import LossKind, WarningRule

    losses.define(losses.Definition(LossKind.WINDOW, is_on=True, days=75), by=admin, at=at)
    write_history(since=at - timedelta(days=500), by=admin, at=at)
    making.make(
        code="rating_change",
        label_en="Payment rating against a quarter ago",
        label_zh="付款信用评分与上季度相比",
        way="change",
        indicator=Indicator.objects.get(code="payment_rating"),
        days=91,
        by=admin,
        at=at,
    )
    rule = WarningRule.objects.get(code="overdue")
    backtest.run_now(rule, span=backtest.asked(at=at), by=admin, at=at)


def _survey(admin: Any, *, at: datetime) -> None:
    from surveys.distributions import making
    from surveys.models import Survey

    survey = Survey.objects.get(code="relationship-nps")
    plans: tuple[dict[str, Any], ...] = (
        {"name": "每季度轮流 Every quarter", "kind": "periodic", "period_days": 90, "per_day": 40},
        {
            "name": "投诉之后 After a complaint",
            "kind": "event",
            "trigger": "complaint_resolved",
            "delay_days": 2,
        },
    )
    for settings in plans:
        planned = making.create(survey, making.Settings(channel="email", **settings), by=admin, at=at)
        making.start(planned, by=admin, at=at)


def _interview(customer: Any, *, manager: Any, admin: Any, at: datetime) -> None:
    from retention import interviews
    from surveys.guides import ready
    from surveys.guides.writing import create_guide

    made = [
        create_guide(
            one.code,
            name_en=one.name_en,
            name_zh=one.name_zh,
            purpose=one.purpose,
            document=one.document,
            by=admin,
            at=at,
        )
        for one in ready.offered()
    ]
    main = customer.contacts.get(is_main=True)
    interviews.begin(customer, made[0], contact=main, by=manager, at=at)


def _care(admin: Any, *, at: datetime) -> None:
    from customers import contacts
    from customers.models import Contact
    from retention import care

    soon = Contact.objects.filter(left_on=None, customer__gone_at=None, is_main=True).exclude(email="")
    for place, contact in enumerate(soon.order_by("pk")[:60:5]):
        day = (at + timedelta(days=2 + 2 * place)).date()
        born: dict[str, Any] = {"birth_calendar": "solar", "birth_month": day.month, "birth_day": day.day}
        contacts.change_contact(contact, by=admin, at=at, **born)
    plans: tuple[dict[str, Any], ...] = (
        {
            "code": "birthdays",
            "name": "生日祝福 Birthdays",
            "occasion": "birthday",
            "days_before": 3,
            "subject_en": "Happy birthday, {{name}}",
            "text_en": "Dear {{name}},\n{{company}} wishes you a happy birthday: {{points}} points.",
            "subject_zh": "{{name}}，生日快乐",
            "text_zh": "{{name}}，您好！\n{{company}}祝您生日快乐，送上 {{points}} 积分。",
            "points": 100,
        },
        {
            "code": "mid-autumn",
            "name": "中秋节 Mid-Autumn",
            "occasion": "festival",
            "festival": "mid_autumn",
            "subject_zh": "中秋快乐",
            "text_zh": "{{name}}，{{company}}祝您中秋快乐，阖家团圆。",
            "gift_zh": "月饼礼盒",
        },
    )
    for said in plans:
        made = care.create_plan(care.Said(holdout_share=1000, **said), by=admin, at=at)
        care.start_plan(made, by=admin, at=at)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    main()

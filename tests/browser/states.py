"""The company in the states in which a page is looked at: empty, with one row, with many, with long names."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import connection, models
from django.db.models import F

from customers import complaints, customers, duplicates, handles, merges, needs, reminders, tokens
from customers.ground import clock, guards
from customers.ground.privacy import Data
from customers.imports import batches, kinds, mapping, recurring
from customers.models import (
    Attribute,
    Cause,
    Community,
    Customer,
    ErasureReceipt,
    ImportBatch,
    Indicator,
    SearchToken,
    Team,
    UsageMetric,
    User,
)
from retention import backtest, calls, cases, rules, segments, sweep
from retention.measures import making
from retention.models import BacktestRun, Loss, RetentionCase, SweepRun, WarningRule
from tests.factories import (
    NOW,
    CommunityFactory,
    CommunityMembershipFactory,
    CompanyFactory,
    CompetitorFactory,
    ContactFactory,
    ContractFactory,
    CustomerFactory,
    IndicatorFactory,
    IndicatorValueFactory,
    InteractionFactory,
    InvoiceEventFactory,
    InvoiceFactory,
    OrderFactory,
    ProductFactory,
    SightingFactory,
    TeamFactory,
    UsageFactory,
    UserFactory,
)

LONG = "很长的名称" * 40
MANY = 51


@dataclass
class World:
    """The admin who looks, and an object for each kind of address."""

    admin: User
    objects: dict[str, Any] = field(default_factory=dict)


def empty() -> World:
    """Return a company in which nothing has happened."""
    CompanyFactory(name="留客测试公司")
    for catalogue in (WarningRule, Cause, UsageMetric):  # what stands in two languages is data
        catalogue.objects.update(name_en=F("name_zh"))
    admin = UserFactory(username="guanli", first_name="管理", last_name="王", role="admin", email="")
    return World(admin)


def one() -> World:
    """Return a company with one of everything."""
    world = empty()
    team = TeamFactory(name="华北")
    seller = UserFactory(username="xiaoshou", first_name="丽", last_name="李", team=team, email="")
    _customer(world, seller, "蓝湖贸易")
    _catalogues(world, team, seller)
    _judge(world)
    _segments(world)
    return world


def many() -> World:
    """Return a company with more than a page of most things."""
    world = one()
    seller = world.objects["user"]
    for number in range(MANY):
        customer = CustomerFactory(name=f"客户{number}", owner=seller, contact__name=f"联系人{number}")
        complaints.file_complaint(customer, text="又晚了。", by=None, at=NOW - timedelta(minutes=number))
        cases.open_case(customer, kind="save", severity=1 + number % 3, reason="沉默。", by=seller, at=NOW)
        due = NOW + timedelta(hours=number + 1)
        reminders.set_reminder(
            world.admin, text=f"提醒{number}", due_at=due, customer=customer, by=None, at=NOW
        )
        UserFactory(username=f"ren{number}", first_name=f"人{number}", last_name="赵", email="")
    return world


def long() -> World:
    """Return a company in which every name and text that a person may write is 200 letters long."""
    world = one()
    guards.remove(connection)  # texts of facts are stretched in place
    for model in apps.get_models():
        if model._meta.app_label in {"ground", "customers", "surveys", "loyalty", "retention"} and (
            model is not SearchToken  # nobody reads the words of the index
        ):
            _stretch(model)
    guards.install(connection)
    User.objects.filter(pk=world.admin.pk).update(first_name=LONG[:150], last_name="王")
    return world


STATES: dict[str, Callable[[], World]] = {"empty": empty, "one": one, "many": many, "long": long}


def _customer(world: World, seller: User, name: str) -> None:
    customer = CustomerFactory(name=name, name_alt="蓝湖", owner=seller, city="北京", contact__name="张三")
    ContactFactory(customer=customer, name="李四", role="采购", is_main=False)
    for days in (200, 170, 140, 110, 80):
        OrderFactory(customer=customer, occurred_at=NOW - timedelta(days=days), number=f"订单{days}")
    InteractionFactory(customer=customer, occurred_at=NOW - timedelta(days=70), text="谈了交货。")
    contract = ContractFactory(customer=customer, number="合同1")
    complaint = complaints.file_complaint(customer, text="又晚了。", by=None, at=NOW - timedelta(minutes=1))
    reminders.set_reminder(
        world.admin, text="送样品", due_at=NOW + timedelta(hours=2), customer=customer, by=None, at=NOW
    )
    world.objects |= {
        "customer": customer,
        "contact": customer.contacts.get(is_main=True),
        "complaint": complaint,
        "contract": contract,
        "user": seller,
    }
    _file(customer, seller)
    _dealings(customer)
    _pairs(world, seller)


def _file(customer: Customer, seller: User) -> None:
    who: dict[str, Any] = {"by": seller, "at": NOW - timedelta(hours=1)}
    said = {"kind": "need", "topic": "delivery", "source": "visit", "text": "托盘交货。"}
    needs.note_need(customer, **said, **who)
    handles.add_handle(customer, platform="wechat", handle="蓝湖", **who)
    child = CustomerFactory(name="蓝湖分公司", owner=seller, contact__name="王五")
    customers.change_customer(child, parent=customer, **who)


def _dealings(customer: Customer) -> None:
    """Orders on their way, bills paid and not, and what is used and held."""
    today = NOW.date().toordinal()
    OrderFactory(customer=customer, number="订单9", promised_day=today - 2)
    OrderFactory(
        customer=customer, number="订单8", promised_day=today - 4, delivered_day=today - 1, status="delivered"
    )
    paid, open_ = (InvoiceFactory(customer=customer, number=number) for number in ("账单1", "账单2"))
    InvoiceEventFactory(invoice=paid)
    InvoiceEventFactory(invoice=open_, kind="failed")
    score = IndicatorFactory(name_en="健康度", name_zh="健康度", unit="分")
    IndicatorValueFactory(customer=customer, indicator=score)
    tea = CommunityFactory(code="tea", name="茶友群")
    CommunityMembershipFactory(customer=customer, community=tea)
    CommunityMembershipFactory(customer=customer, community=tea, left_at=NOW - timedelta(days=3))
    UsageFactory(customer=customer)
    UsageFactory(customer=customer, code="balance", product=ProductFactory(code="甲", name="存款"))
    rival = CompetitorFactory(name="红海商贸", aliases=["红海"], talking_points="次日送达。")
    SightingFactory(customer=customer, competitor=rival, offered="九折", seen=90, ours=99)


def _pairs(world: World, seller: User) -> None:
    """Two customers that look like one, and two that became one."""
    left, right, kept, gone = (
        CustomerFactory(name=name, owner=seller, contact__name="赵六", contact__phone=phone)
        for name, phone in [
            ("红山贸易", "13912345678"),
            ("红山商行", "139-1234-5678"),
            ("绿地", "13712345678"),
            ("绿地公司", "13712345678"),
        ]
    )
    for customer in (kept, gone):
        OrderFactory(customer=customer, number=f"订单{customer.name}")
    merge = merges.merge_customers(kept, gone, values={}, reason="电话相同。", by=world.admin, at=NOW)
    duplicates.find_all(at=NOW)
    world.objects |= {"alike": left, "other": right, "merge": merge}


def _segments(world: World) -> None:
    who: dict[str, Any] = {"by": world.admin, "at": NOW}
    quiet: Any = {"measure": "days_since_last_order", "op": ">=", "value": 30}
    segment = segments.save("quiet", name_en="沉默", name_zh="沉默", condition=quiet, **who)
    listed = segments.make_list("watched", name_en="关注", name_zh="关注", **who)
    segments.put(listed, [world.objects["customer"]], is_member=True, **who)
    segments.note_counts(at=NOW)
    world.objects |= {"segment": segment.code, "list": listed.code}


def _imports(world: World) -> None:
    """Bring a file whose columns are kept for the files that come again."""
    stated = {"columns": {"external_id": "编号", "name": "名称"}, "source": "商店"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "客户.csv"
        path.write_text("编号,名称\nK1,黄河\n,空\n", encoding="utf-8")
        batches.import_file(path, kinds.named("customers"), mapping.from_data(stated), by=world.admin, at=NOW)
    batch = ImportBatch.objects.latest("pk")
    profile, _secret = recurring.save_profile(batch, name="每晚", by=world.admin, at=NOW)
    ImportBatch.objects.filter(pk=batch.pk).update(profile=profile)
    world.objects |= {"import": batch, "profile": profile, "model": "customer"}


def _catalogues(world: World, team: Team, seller: User) -> None:
    attribute = Attribute.objects.create(code="industry", kind="text", label_en="行业", label_zh="行业")
    token, _secret = tokens.create_token(
        world.admin,
        name="商店",
        scopes=["customers:read"],
        expires_at=clock.real_now() + timedelta(days=9),
        by=world.admin,
        at=NOW,
    )
    receipt = ErasureReceipt.objects.create(
        number="20260511-00", person="contact", object_id=10**9, reason="request", by=world.admin, at=NOW
    )
    world.objects |= {
        "team": team,
        "token": token,
        "attribute": attribute,
        "receipt": receipt,
        "metric": UsageMetric.objects.first(),
        "competitor": CompetitorFactory(name="蓝海", is_checked=False),
        "indicator": Indicator.objects.first() or IndicatorFactory(name_en="健康度", unit="分"),
        "community": Community.objects.first() or CommunityFactory(code="tea", name="茶友群"),
        "cause": Cause.objects.first(),
    }
    world.objects["own_measure"] = making.make(
        code="health-fall",
        label_en="健康度变化",
        label_zh="健康度变化",
        way="change",
        indicator=world.objects["indicator"],
        days=30,
        by=world.admin,
        at=NOW,
    )
    _imports(world)


def _judge(world: World) -> None:
    WarningRule.objects.update(is_enabled=False)
    for rule in WarningRule.objects.filter(code__in=["overdue", "no-contact"]):
        rules.enable(rule, open_existing=True, by=None, at=NOW)
    sweep.run(as_of=NOW + timedelta(seconds=1), scope="full")
    case = RetentionCase.objects.first() or cases.open_case(
        world.objects["customer"], kind="save", severity=3, reason="沉默。", by=None, at=NOW
    )
    Loss.objects.create(
        customer=case.customer,
        occurred_at=NOW - timedelta(days=9),
        recorded_at=NOW - timedelta(days=8),
        definition="window",
        churn_type="passive",
        margin_365d=9_640_000,
        is_valuable=True,
        days_ahead=12,
        revisit_day=NOW.date().toordinal() + 21,
    )
    calls.plan_call(case, reason="谈价格", by=None, at=NOW + timedelta(seconds=2))
    _call_noise(world, case)
    _try_on_the_past(world)
    rule = WarningRule.objects.first()
    world.objects |= {"case": case, "rule": rule, "sweep": SweepRun.objects.first()}
    world.objects["rule_code"] = rule.code if rule is not None else ""


def _try_on_the_past(world: World) -> None:
    """Leave a backtest that was counted."""
    rule = WarningRule.objects.get(code="overdue")
    span = backtest.asked(at=NOW)
    run = backtest.run_now(rule, span=span, by=world.admin, at=NOW)
    rows = [
        {"value": "2", "alarms": 400, "alarms_per_week": 7.7, "precision": 0.2, "recall": 0.5},
        {"value": "2.5", "alarms": 276, "alarms_per_week": 5.3, "precision": 0.28, "recall": 0.485},
    ]
    for row in rows:
        row["lead_days_median"] = 41
    found = {**run.result, "judged": 380, "losses": 200}
    found["thresholds"] = {"comparison": 0, "present": "2", "rows": rows}
    BacktestRun.objects.filter(pk=run.pk).update(result=found)
    proposal = backtest.advise(rule).proposal
    assert proposal is not None
    draft, _new = backtest.adopt(rule, run=run.pk, value=proposal.value, by=world.admin, at=NOW)
    WarningRule.objects.filter(pk=draft.pk).update(name_en=draft.name_zh)
    draft.versions.update(reason="用来替代。")  # data
    world.objects |= {"tested": rule.code, "draft": draft.code}


def _call_noise(world: World, case: RetentionCase) -> None:
    """Say of the last of a case's warnings that it is no sign."""
    warning = case.warnings.order_by("pk").last()
    if warning is not None and case.warnings.count() > 1:
        cases.dismiss(warning, reason="usual", by=world.admin, at=NOW + timedelta(seconds=3))


def _stretch(model: type[models.Model]) -> None:
    """Make every text of a person's that the table holds as long as it may be, up to 200 letters."""
    declared = getattr(model, "privacy", {})
    personal = {Data.IDENTITY, Data.REACH, Data.TEXT}
    names = {"name", "name_en", "name_zh", "label_en", "label_zh", "text", "file_name", "reason", "segment"}
    unique = {name for constraint in model._meta.constraints for name in getattr(constraint, "fields", ())}
    for column in model._meta.concrete_fields:
        is_text = isinstance(column, models.CharField | models.TextField) and not column.choices
        if not is_text or column.unique or column.name in unique or isinstance(column, models.EmailField):
            continue
        if declared.get(column.name, (None,))[0] in personal or column.name in names:
            if column.name in {"phone", "external_id"} or getattr(column, "is_sealed", False):
                continue
            most = min(column.max_length or 200, 200)
            model._base_manager.exclude(**{column.name: ""}).update(**{column.name: LONG[:most]})


__all__ = ["LONG", "STATES", "Customer", "World"]

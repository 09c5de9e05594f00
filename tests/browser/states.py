"""The company in the states in which a page is looked at: empty, with one row, with many, with long names."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from django.apps import apps
from django.db import connection, models
from django.db.models import F

from customers import (
    complaints,
    consents,
    customers,
    duplicates,
    handles,
    merges,
    needs,
    reminders,
    text,
    tokens,
)
from customers import contact as contacting
from customers.channels import senders, writing
from customers.feedback import compensation, notes, unknown
from customers.ground import clock, guards
from customers.ground.privacy import Data
from customers.imports import batches, kinds, mapping, recurring
from customers.letters import mailboxes
from customers.mentions import feeds, hooks
from customers.models import (
    Attribute,
    Cause,
    Community,
    Complaint,
    Customer,
    ErasureReceipt,
    ImportBatch,
    Indicator,
    SearchToken,
    Sender,
    Team,
    TextModel,
    UnknownFeedback,
    UsageMetric,
    User,
)
from customers.text import features, linear
from retention import backtest, calls, cases, changes, interviews, rules, segments, sweep
from retention.improving import attaching, planning, telling
from retention.loop import opening
from retention.measures import making
from retention.models import BacktestRun, ChangeTag, Loss, RetentionCase, RiseAlarm, SweepRun, WarningRule
from surveys import answering, building, invitations, sending
from surveys.definition import Given
from surveys.distributions import handing
from surveys.distributions import making as distributing
from surveys.guides import ready
from surveys.guides.writing import create_guide
from surveys.interviews import holding
from surveys.interviews.said import Held, Said
from surveys.models import Survey
from tests.browser import loyal
from tests.factories import (
    NOW,
    CommunityFactory,
    CommunityMembershipFactory,
    CompanyFactory,
    CompetitorFactory,
    ComplaintFactory,
    ContactFactory,
    ContractFactory,
    CustomerFactory,
    IndicatorFactory,
    IndicatorValueFactory,
    InteractionFactory,
    InvoiceEventFactory,
    InvoiceFactory,
    MentionFactory,
    OrderFactory,
    ProductFactory,
    SightingFactory,
    TeamFactory,
    UsageFactory,
    UserFactory,
)
from tests.retention.care import makers as care_of
from tests.retention.changes.makers import WORDS, announced, planned, row_of
from tests.surveys import documents
from tests.surveys.factories import SurveyAnswerFactory, SurveyAskedFactory

LONG = "很长的名称" * 40
MANY = 51
_SAID = ("negative", "positive")


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
    _texts(world)
    _surveys(world)
    _interviews(world)
    _inbox(world)
    _improvements(world)
    _changes(world)
    loyal.run_programme(world.objects, seller=seller, admin=world.admin)
    _care(world)
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
        _received(f"第{number}封", external_id=f"many-{number}")
        UserFactory(username=f"ren{number}", first_name=f"人{number}", last_name="赵", email="")
    text.read_unread(at=NOW)
    loyal.give_points(Customer.objects.filter(name__startswith="客户"), by=seller)
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
    _handled(complaint, seller)
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
    world.objects |= {"sender": _contacts(customer, seller), "way": "sms", "sender_kind": "http"}


def _inbox(world: World) -> None:
    """Feedback of somebody unknown with a customer proposed, one that ended, and a mailbox."""
    customer = world.objects["customer"]
    order = customer.orders.order_by("pk").first()
    row = _received(
        "灯坏了。", external_id="one", name="王五", reach="wangwu@example.org", order=order.number
    )
    ended = _received("没人回答。", external_id="ended")
    who: dict[str, Any] = {"by": world.admin, "at": NOW}
    unknown.handle_without_customer(ended, answered="public", words="已在网上回复。", **who)
    config = {"host": "imap.example.com", "username": "kefu@example.com"}
    mailbox = mailboxes.add_mailbox(name="客服邮箱", kind="question", config=config, password="secret", **who)
    world.objects |= {"feedback": row, "mailbox": mailbox}


def _received(text: str, **values: Any) -> UnknownFeedback:
    return unknown.receive_feedback(kind="complaint", text=text, source="form", at=NOW, **values)


def _handled(complaint: Complaint, seller: User) -> None:
    """Let a complaint have what its page shows, and the customer give feedback of every kind."""
    who: dict[str, Any] = {"by": seller, "at": NOW}
    notes.note(complaint, text="客户下午回电。", **who)
    given = {"kind": "refund", "currency": "CNY", "reason": "两箱受潮。"}
    compensation.give(complaint, **given, amount=5_000, key="a", **who)
    compensation.give(complaint, **given, amount=90_000, key="b", **who)  # waits for approval
    for kind, words in (("suggestion", "请用更大的箱子。"), ("question", "能退吗？"), ("praise", "谢谢！")):
        praised = seller if kind == "praise" else None
        complaints.file_complaint(complaint.customer, kind=kind, text=words, praised=praised, **who)


def _contacts(customer: Customer, seller: User) -> Sender:
    """Contacts let through, waiting and not agreed to; a message, and a sender that was tried out."""
    who: dict[str, Any] = {"by": seller, "at": NOW}
    main = customer.contacts.get(is_main=True)
    for purpose, channel in (("care", "email"), ("service", "sms")):
        contacting.reserve_contact(main, purpose=purpose, channel=channel, key="k", **who)
    said: dict[str, Any] = {"purposes": ["offer"], "channels": ["email"], "is_given": True, "source": "form"}
    consents.record_consent(main, **said, **who)
    for number in range(3):
        row = contacting.reserve_contact(main, purpose="offer", channel="email", key=f"k{number}", **who)
        if row.state == row.State.GRANTED:
            writing.send_message(row, subject="春季优惠", text="九折。", **who)
    config = {"host": "mail.example.com", "from_address": "shop@example.com", "from_name": "蓝湖"}
    named: dict[str, Any] = {"name": "邮箱", "channel": "email", "kind": "smtp"}
    sender = senders.add_sender(**named, config=config, secrets={}, **who)
    writing.try_out(sender, to="li@example.org", by=seller, at=NOW)
    return sender


def _weights() -> bytes:
    pieces = [features.hashed("慢"), features.hashed("慢慢")]
    return linear.fit(pieces, np.array([0, 1]), classes=_SAID).to_bytes()


def _texts(world: World) -> None:
    """What was read of texts, one corrected, and a training with its figures."""
    shares = ("macro_f1", "majority_f1", "keyword_f1", "right", "kept", "right_kept", "calibration_error")
    TextModel.objects.create(
        aspect="sentiment",
        trained_at=NOW - timedelta(days=1),
        outcome="activated",
        is_active=True,
        fingerprint="f",
        labels=40,
        corrections=30,
        held_out=40,
        threshold=0.7,
        seconds=2.0,
        weights=_weights(),
        **dict.fromkeys(shares, 0.9),
    )
    complaint = world.objects["complaint"]
    rows = text.read_text(complaint, at=NOW)
    text.correct_reading(rows[1], code="late_delivery", by=world.admin, at=NOW)
    world.objects["reading"] = rows[0]
    text.read_unread(at=NOW)


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
    MentionFactory(customer=customer, handle="茶香四溢", text="两盒茶叶都受潮了。", rating="1.0")


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


def _changes(world: World) -> None:
    """A crisis that is being followed, and a draft; both concern the one customer."""
    customer = world.objects["customer"]
    words = dict.fromkeys(WORDS, "蓝泵停售。")
    who = {"scope": "listed", "customers": [customer], "kind": "incident", **words}
    product = {"products": [ProductFactory(name="蓝泵", code="蓝泵")], "words": ["漏水"]}
    crisis = announced(is_crisis=True, calls_margin=100, **product, **who)
    changes.inform_due(NOW)
    row = row_of(crisis, customer)
    changes.set_state(row, state="objects", note="不同意。", by=world.admin, at=NOW)
    complaint = complaints.file_complaint(customer, text="漏水。", by=None, at=NOW)
    ChangeTag.objects.create(change=crisis, complaint=complaint, tagged_at=NOW)
    world.objects |= {"change": crisis, "change_draft": planned(**product, **who)}


def _care(world: World) -> None:
    """A plan that runs, with somebody greeted and somebody due."""
    customer = world.objects["customer"]
    words = {"text_zh": "{{name}}您好，节日快乐！", "subject_zh": "节日快乐", "text_en": "", "subject_en": ""}
    made = care_of.plan(code="festival", name="七夕", occasion="festival", festival="qixi", **words)
    care_of.sent(made, customer.contacts.filter(is_main=True).get())
    world.objects["care_plan"] = made


def _surveys(world: World) -> None:
    """A survey that is live, with changes that lack something."""
    who: dict[str, Any] = {"by": world.admin, "at": NOW}
    survey = building.create_survey(
        "guanxi", name_en="关系", name_zh="关系", occasion="relationship", document=documents.nps(), **who
    )
    building.publish(survey, **who)
    contact = world.objects["contact"]
    for score in (3, None):
        invitation, _token = invitations.invite(survey, contact, now=clock.real_now(), **who)
        if score is not None:
            given = {"nps": Given(number=score, text="送货太晚。"), "call": Given(chosen=("no",))}
            answering.submit(invitation, answers=given, now=clock.real_now(), **who)
    sms = {"channel": "sms", "now": clock.real_now(), **who}
    sending.send_by_hand(contact, survey, **sms)  # not agreed to
    agreed = {"purposes": ["survey"], "channels": ["email"], "is_given": True, "source": "form"}
    consents.record_consent(contact, **agreed, **who)
    sending.send_invitation(contact, survey, key="1:complaint:1", **sms | {"channel": "email"})
    sending.send_invitation(contact, survey, key="1:complaint:2", **sms | {"channel": "email"})  # waits
    link = invitations.make_open_link(survey, label="收银台", asks="required", now=clock.real_now(), **who)
    changed = documents.every()
    del changed["title"]["en"]
    building.save_draft(survey, document=changed, **who)
    world.objects |= {"survey": survey.code, "open_link": link}
    _answered(survey, contact.customer)
    _distributions(world, survey)


def _distributions(world: World, survey: Survey) -> None:
    """A distribution of each kind: a draft, one that runs and has asked, one that pauses."""
    who: dict[str, Any] = {"by": world.admin, "at": NOW}
    said: dict[str, Any] = {"channel": "email", "per_day": 40, "remind_after": 4}
    contact = world.objects["contact"]
    chosen = distributing.create(
        survey, distributing.Settings(name="老客户", kind="list", fallback="sms", **said), **who
    )
    distributing.add_people(chosen, [contact], **who)
    distributing.start(chosen, **who)
    for ask in chosen.asks.all():
        handing.hand_over(ask.pk, at=NOW)
    after = distributing.Settings(
        name="投诉之后", kind="event", trigger="complaint_resolved", delay_days=2, **said
    )
    distributing.pause(distributing.start(distributing.create(survey, after, **who), **who), **who)
    each = distributing.Settings(name="每季度", kind="periodic", period_days=90, **said)
    draft = distributing.create(survey, each, **who)
    world.objects |= {"distribution": chosen, "distribution_draft": draft}


def _in_chinese(document: Any) -> Any:
    """Return a document that says the Chinese in both languages."""
    if isinstance(document, list):
        return [_in_chinese(one) for one in document]
    if not isinstance(document, dict):
        return document
    if set(document) == {"en", "zh-hans"}:
        return dict.fromkeys(document, document["zh-hans"])
    return {name: _in_chinese(one) for name, one in document.items()}


def _interviews(world: World) -> None:
    """A guide, an interview that was held with words to quote, and one that is being held."""
    who: dict[str, Any] = {"by": world.admin, "at": NOW}
    customer, made = world.objects["customer"], {}
    for one in ready.offered():
        made[one.code] = create_guide(
            one.code,
            name_en=one.name_zh,  # the world's own data are Chinese in every language
            name_zh=one.name_zh,
            purpose=one.purpose,
            document=_in_chinese(one.document),
            **who,
        )
    done = interviews.begin(customer, made["exit-interview"], contact=world.objects["contact"], **who)
    said = Held(
        answers={
            "why": Said(("price_raised", "late_delivery"), "两次涨价。", "交货总是晚到。"),
            "come_back": Said(("come_back_maybe",), "", ""),
        },
        summary="因价格离开。",
        competitor="竞品",
        offered="便宜一成",
        may_quote=True,
        agreed_how="spoken",
        agreed_on=NOW.date(),
    )
    holding.finish(done, said, revision=1, **who)
    begun = interviews.begin(customer, made["key-account-review"], contact=world.objects["contact"], **who)
    world.objects |= {"held": done, "holding": begun, "guide": made["exit-interview"].code}


def _improvements(world: World) -> None:
    """An improvement that is done and shows what it moved, one that is open, and a product that rises."""
    who: dict[str, Any] = {"by": world.admin, "at": NOW}
    customer, contact = world.objects["customer"], world.objects["contact"]
    product = ProductFactory(name="电水壶")
    plan = planning.Plan(
        title="一天内送达",
        owner=world.admin,
        due_on=NOW.date(),
        moves="complaints",
        causes=list(Cause.objects.filter(code="late_delivery")),
        product=product,
        lot="批次7",
        cost=120_000,
    )
    earlier = NOW - timedelta(days=40)
    ended = planning.plan_improvement(plan, by=world.admin, at=earlier)
    for n in range(33):
        ComplaintFactory(
            customer=customer,
            contact=contact,
            text="又晚了。",
            category="",
            cause=plan.causes[0],
            product=product,
            lot="批次7",
            occurred_at=NOW - timedelta(days=n * 2 + 1),
        )
    planning.finish(ended, told_zh="现在一天内送达。", told_en="", by=world.admin, at=earlier)
    among = Complaint.objects.filter(product=product)
    attaching.attach_matching(ended, among=among, since_day=0, **who)
    telling.tell_customers(ended, **who)
    begun = planning.begin(planning.plan_improvement(replace(plan, title="换包装"), **who), **who)
    alarm = RiseAlarm.objects.create(
        kind="complaints",
        product=product,
        on=NOW.date() - timedelta(days=1),
        recent=14,
        before=6,
        recent_of=28,
        before_of=168,
        basis="days",
        p=0.0004,
        q=0.003,
        raised_at=NOW,
    )
    world.objects |= {"improvement": ended, "improvement_open": begun, "rise": alarm}


def _answered(survey: Survey, customer: Customer) -> None:
    """Answers enough for figures, and enough who were asked to compare those who did not answer."""
    version = survey.versions.get()
    for n in range(70):
        at = NOW - timedelta(days=95 + n)
        silent = n % 2 == 0
        day = at.date().toordinal()
        SurveyAskedFactory(
            customer=customer, survey=survey, occurred_at=at, answered_day=None if silent else day
        )
    for n in range(64):
        at = NOW - timedelta(hours=n)
        SurveyAnswerFactory(
            version=version, customer=None if n % 3 else customer, number=n % 11, occurred_at=at
        )


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
        "mention": MentionFactory(customer=None, handle="Leaf_Cup", text="电话没人接。"),
        "feed": feeds.add_feed(
            name="茶友论坛", url="https://example.com/feed", by=world.admin, now=clock.real_now(), at=NOW
        ),
        "hook": hooks.add_hook(name="舆情监测", by=world.admin, at=NOW)[0],
        "indicator": Indicator.objects.first() or IndicatorFactory(name_en="健康度", unit="分"),
        "community": Community.objects.first() or CommunityFactory(code="tea", name="茶友群"),
        "cause": Cause.objects.first(),
    }
    opening.open_for_mention(world.objects["mention"], at=NOW)
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
    for complaint in Complaint.objects.filter(void=False).order_by("pk")[:3]:
        world.objects["loop"] = opening.open_for_complaint(complaint, at=NOW + timedelta(seconds=2))
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

"""A small company whose every text can be told from all others: two teams, and what belongs to each.

What North owns carries canaries: words that stand nowhere else. Whoever must not see North's work must
never get one of them in an answer.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile

from customers import attachments, consents, handles, needs, objections, reminders, text, tokens
from customers import contact as contacting
from customers.channels import senders, writing
from customers.feedback import compensation, files, unknown
from customers.ground import clock
from customers.ground.models import AuditEvent, CalendarException
from customers.letters import mailboxes
from customers.mentions import feeds, hooks
from customers.models import (
    ApiToken,
    Attribute,
    AttributeValue,
    Competitor,
    Complaint,
    Customer,
    DuplicateProposal,
    ErasureReceipt,
    ExternalRef,
    FeedbackFile,
    ImportBatch,
    ImportProfile,
    InvoiceEvent,
    Mention,
    Merge,
    Reminder,
    TextModel,
    TextReading,
    UnknownFeedback,
    UsageMetric,
    User,
)
from loyalty.ledger import adjusting
from loyalty.models import (
    MembershipPlan,
    OrderEarning,
    PointsAccount,
    PointsAdjustment,
    PointsEntry,
    Programme,
    Redemption,
    Referral,
    Reward,
    Tier,
    TierBenefit,
)
from loyalty.rewards import redeeming
from retention import calls, cases, rules, segments
from retention import loop as looping
from retention.loop import opening as loop_opening
from retention.measures import making
from retention.models import (
    BusinessChange,
    CarePlan,
    CareTouch,
    ConcernedCustomer,
    EarlyWarning,
    FollowUpCall,
    LoopClosure,
    Loss,
    RetentionCase,
    Silence,
    SweepRun,
    WarningRule,
)
from surveys import sending
from surveys.distributions import making as asking
from surveys.models import Distribution, Guide, Interview, Survey, SurveyDispatch, SurveyResponse
from tests.factories import (
    NOW,
    AddressFactory,
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
    MentionFactory,
    OrderFactory,
    ProductFactory,
    SightingFactory,
    TeamFactory,
    UsageFactory,
    UserFactory,
    day,
)
from tests.loyalty import factories as points
from tests.loyalty.rewarding import make_reward, make_tier
from tests.retention import improvers, makers
from tests.retention.care import makers as care_of
from tests.retention.changes import makers as changes_of
from tests.surveys import distributing as distributions
from tests.surveys import makers as surveys
from tests.surveys import talks

CANARY = "zxcanary"
"""Every planted word begins with it."""


@dataclass
class World:
    """Who works here, and the ids of what North and South own, by kind."""

    users: dict[str, User] = field(default_factory=dict)
    north: dict[str, list[int]] = field(default_factory=dict)
    south: dict[str, list[int]] = field(default_factory=dict)
    company: dict[str, list[int]] = field(default_factory=dict)
    canaries: set[str] = field(default_factory=set)

    def canary(self) -> str:
        """Return a word that stands nowhere else, and remember it."""
        word = f"{CANARY}{len(self.canaries):03d}q"
        self.canaries.add(word)
        return word


def _own_measure() -> int:
    names = {"label_en": "Health", "label_zh": "健康度", "by": None, "at": NOW}
    return making.make(code="health", way="newest", indicator=IndicatorFactory(), **names).pk


def _text_model() -> int:
    figures = dict.fromkeys(
        ("macro_f1", "majority_f1", "keyword_f1", "right", "kept", "right_kept", "calibration_error"), 0.9
    )
    counts = {"labels": 20, "corrections": 20, "held_out": 20, "threshold": 0.9, "seconds": 1.0}
    said = {
        "aspect": "cause",
        "trained_at": NOW,
        "outcome": "activated",
        "fingerprint": "f",
        "classes": ["price"],
    }
    return TextModel.objects.create(**said, **figures, **counts).pk


def build() -> World:
    """Build the company; the clock is fixed at the factories' Monday."""
    CompanyFactory()
    clock.fix(NOW)
    world = World()
    points.ProgrammeFactory(code="points", adjust_limit=0)
    make_reward(code="tin", points=10)
    gold = make_tier("gold", 1_000_000)
    TierBenefit.objects.create(tier=gold, kind=TierBenefit.Kind.DELIVERY, name="Delivery")
    MembershipPlan.objects.create(
        programme=gold.programme, code="plus", name="Plus", price=100, currency="CNY", tier=gold
    )
    north, south = TeamFactory(name="North"), TeamFactory(name="South")
    users = world.users
    users["owner"] = UserFactory(username="owner", team=north)
    users["north_lead"] = UserFactory(username="north_lead", role="team_lead", team=north)
    users["outsider"] = UserFactory(username="outsider", team=south)
    users["south_lead"] = UserFactory(username="south_lead", role="team_lead", team=south)
    for role in ("admin", "analyst", "integration"):
        users[role] = UserFactory(username=role, role=role)
    users["left"] = UserFactory(username="left", team=south, is_active=False)
    world.north = _belongings(world, users["owner"], users["north_lead"], hidden=True)
    world.south = _belongings(world, users["outsider"], users["south_lead"], hidden=False)
    acted: dict[str, Any] = {"valid_from": NOW.date(), "by": None, "at": NOW}
    world.company = {
        "rule": list(WarningRule.objects.filter(code__startswith="rule-").values_list("pk", flat=True)),
        "backtest": [makers.make_backtest().pk],
        "sweep": list(SweepRun.objects.values_list("pk", flat=True)),
        "team": [north.pk, south.pk],
        "cause": [makers.cause("price").pk],
        "calendar_exception": [CalendarException.objects.create(day="2026-05-12", is_own=True).pk],
        "attribute": list(Attribute.objects.values_list("pk", flat=True)),
        "reference": list(ExternalRef.objects.values_list("pk", flat=True)),
        "product": [ProductFactory().pk],
        "competitor": [CompetitorFactory(name="Rival").pk],
        "usage_metric": [UsageMetric.objects.get(code="logins").pk],
        "community": [CommunityFactory().pk],
        "indicator": [IndicatorFactory().pk],
        "own_measure": [_own_measure()],
        "rate": [],
        "erasure": [
            ErasureReceipt.objects.create(
                number="20260511-0A", person="contact", object_id=10**9, reason="request", at=NOW
            ).pk
        ],
        "sender": [_sender()],
        "mailbox": [_mailbox()],
        "mention_feed": [_feed()],
        "mention_hook": [hooks.add_hook(name="Monitor", by=None, at=NOW)[0].pk],
        "change": list(BusinessChange.objects.values_list("pk", flat=True)),
        "care_plan": list(CarePlan.objects.values_list("pk", flat=True)),
        "loyalty_programme": list(Programme.objects.values_list("pk", flat=True)),
        "reward": list(Reward.objects.values_list("pk", flat=True)),
        "loyalty_tier": list(Tier.objects.values_list("pk", flat=True)),
        "loyalty_benefit": list(TierBenefit.objects.values_list("pk", flat=True)),
        "membership_plan": list(MembershipPlan.objects.values_list("pk", flat=True)),
        "segment": [segments.make_list("vip", name_en="VIP", name_zh="贵宾", by=None, at=NOW).pk],
        "survey": [surveys.live().pk],
        "improvement": [improvers.improvement(title="Improve").pk],
        "rise": [improvers.rise().pk],
        "interview_guide": list(Guide.objects.values_list("pk", flat=True)),
        "consent_text": [consents.add_text(code="news", text_en="Yes", text_zh="", **acted).pk],
        "text_model": [_text_model()],
        "audit": list(AuditEvent.objects.values_list("pk", flat=True)[:1]),
    }
    return world


def _greeting(who: Customer) -> int:
    """Greet the main contact of a customer by the one plan that there is."""
    plan = CarePlan.objects.first() or care_of.plan(occasion="festival", festival="qixi")
    return care_of.sent(plan, who.contacts.filter(is_main=True).get()).pk


def _sender() -> int:
    config = {"host": "mail.example.com", "from_address": "shop@example.com"}
    return senders.add_sender(
        name="Mail", channel="email", kind="smtp", config=config, secrets={}, by=None, at=NOW
    ).pk


def _feed() -> int:
    url = "https://example.com/feed"
    return feeds.add_feed(name="Forum", url=url, by=None, now=clock.real_now(), at=NOW).pk


def _unknown(owner: User, name: str) -> UnknownFeedback:
    """Return feedback from nobody known with a file, which every lead sees, in the care of ``owner``."""
    row = unknown.receive_feedback(kind="question", text="plain", source="form", external_id="", at=NOW)
    UnknownFeedback.objects.filter(pk=row.pk).update(owner=owner)
    files.keep(row, [SimpleUploadedFile(f"{name}.pdf", b"%PDF-1.7")], stored=[], at=NOW)
    return row


def _mailbox() -> int:
    config = {"host": "imap.example.com", "username": "help@example.com"}
    made = mailboxes.add_mailbox(
        name="Help", kind="question", config=config, password="secret", by=None, at=NOW
    )
    return made.pk


def _belongings(world: World, owner: User, lead: User, *, hidden: bool) -> dict[str, list[int]]:
    """Give ``owner`` one customer with an open case and one that was lost, with all that hangs on them."""

    def word() -> str:
        return world.canary() if hidden else "plain"

    found: dict[str, list[int]] = {
        "customer": [],
        "contact": [],
        "order": [],
        "contract": [],
        "interaction": [],
        "complaint": [],
        "compensation": [],
        "text_reading": [],
        "consent": [],
        "contact_reservation": [],
        "message": [],
        "objection": [],
        "usage": [],
        "competitor_sighting": [],
        "mention": [],
        "unknown_feedback": [],
        "feedback_file": [],
        "indicator_value": [],
        "community_membership": [],
        "invoice": [],
        "payment": [],
        "case": [],
        "loop": [],
        "call": [],
        "warning": [],
        "silence": [],
        "loss": [],
    }
    for number in range(2):
        customer = CustomerFactory(
            name=f"{word()} Trading",
            name_alt=word(),
            city=word(),
            segment=word(),
            notes=word(),
            owner=owner,
            contact=False,
        )
        contact = ContactFactory(
            customer=customer, name=word(), phone=f"+86 {word()}", email=f"{word()}@example.org"
        )
        found["customer"].append(customer.pk)
        found["contact"].append(contact.pk)
        found["order"].append(OrderFactory(customer=customer, number=word()).pk)
        found["contract"].append(ContractFactory(customer=customer, number=word()).pk)
        found["interaction"].append(InteractionFactory(customer=customer, text=word()).pk)
        found["complaint"].append(
            makers.file_complaint(customer, by=owner, text=word(), category="delivery").pk
        )
        given = compensation.give(
            Complaint.objects.get(pk=found["complaint"][-1]),
            kind="refund",
            amount=10**9,
            currency="CNY",
            reason=word(),
            key=word(),
            by=owner,
            at=NOW,
        )
        found["compensation"].append(given.pk)
        text.read_unread(at=NOW)
        found["text_reading"] += list(
            TextReading.objects.filter(customer=customer, subject_kind="complaint").values_list(
                "pk", flat=True
            )
        )
        said: dict[str, Any] = {"source": "form", "by": owner, "at": NOW}
        agreed = consents.record_consent(
            contact, purposes=["offer"], channels=["email"], is_given=True, **said
        )
        found["consent"].append(agreed[0].pk)
        asked = contacting.reserve_contact(
            contact, purpose="offer", channel="email", key=word(), by=owner, at=NOW
        )
        found["contact_reservation"].append(asked.pk)
        letter = writing.send_message(asked, subject=word(), text=word(), by=owner, at=NOW)
        found["message"].append(letter.pk)
        if number:
            found["objection"].append(objections.object_to_profiling(customer, **said).pk)
        invoice = InvoiceFactory(customer=customer, number=word())
        found["invoice"].append(invoice.pk)
        found["payment"].append(InvoiceEventFactory(invoice=invoice).pk)
        found["community_membership"].append(CommunityMembershipFactory(customer=customer).pk)
        found["indicator_value"].append(IndicatorValueFactory(customer=customer).pk)
        found["usage"].append(UsageFactory(customer=customer).pk)
        rival = Competitor.objects.first() or CompetitorFactory()
        sighting = SightingFactory(customer=customer, competitor=rival, offered=word())
        found["competitor_sighting"].append(sighting.pk)
        posted = MentionFactory(
            customer=customer,
            external_id=f"{word()}-{customer.pk}",
            handle=word(),
            text=word(),
            url=f"https://{word()}.example/",
        )
        found["mention"].append(posted.pk)
        heard = _unknown(owner, word())
        found["unknown_feedback"].append(heard.pk)
        found["feedback_file"] += list(heard.files.values_list("pk", flat=True))
        makers.give_margin(customer, 10_000 + number)
        case = makers.make_case(customer, by=owner, reason=word())
        warning = makers.make_warning(customer, run=makers.make_run(), case=case)
        logged = calls.log_call(makers.planned_call(case), outcome="no_answer", note=word(), by=owner, at=NOW)
        case.refresh_from_db()
        found["case"].append(case.pk)
        told = loop_opening.open_for_complaint(Complaint.objects.get(pk=found["complaint"][-1]), at=NOW)
        found["loop"].append(told.pk)
        found["warning"].append(warning.pk)
        quiet = rules.silence(
            warning.rule,
            customer=customer,
            until=(NOW + timedelta(days=9)).date(),
            reason=word(),
            by=owner,
            at=NOW,
        )
        found["silence"].append(quiet.pk)
        found["call"] += [logged.call.pk, logged.next_call.pk]  # type: ignore[union-attr]
        if number:
            looping.withdraw(told, reason=word(), by=lead, at=NOW)
            cases.diagnose(case, churn_type="active", causes=[makers.cause("price")], by=owner, at=NOW)
            cases.close_case(case, outcome="lost", reason=word(), by=owner, at=NOW)
            found["loss"].append(Loss.objects.get(case=case).pk)
    first, second = found["customer"]
    found["duplicate"] = [
        DuplicateProposal.objects.create(low_id=first, high_id=second, signs=1, found_at=NOW).pk
    ]
    stub = CustomerFactory(name=word(), owner=owner, contact=False)
    Customer.objects.filter(pk=stub.pk).update(gone_at=NOW, merged_into=first)
    found["merge"] = [Merge.objects.create(survivor_id=first, merged=stub, reason=word(), by=lead, at=NOW).pk]
    due = NOW + timedelta(days=1)
    found["reminder"] = [reminders.set_reminder(owner, text=word(), due_at=due, by=owner, at=NOW).pk]
    profile = ImportProfile.objects.create(
        name=word(), kind="customers", by=lead, prefix="liukeup_", secret_hash=word(), made_at=NOW
    )
    found["profile"] = [profile.pk]
    attribute, _new = Attribute.objects.get_or_create(
        code="tier", defaults={"label_en": "Tier", "label_zh": "等级", "kind": "text"}
    )
    customer_id = found["customer"][0]
    found["attribute_value"] = [
        AttributeValue.objects.create(
            customer_id=customer_id,
            attribute=attribute,
            text=word(),
            occurred_at=NOW,
            recorded_at=NOW,
            occurred_day=day(NOW),
        ).pk
    ]
    who = Customer.objects.get(pk=customer_id)
    need = needs.note_need(who, kind="need", topic="price", source="call", text=word(), by=owner, at=NOW)
    found["need"] = [need.pk]
    found["social_handle"] = [handles.add_handle(who, platform="line", handle=word(), by=owner, at=NOW).pk]
    upload = SimpleUploadedFile(f"{word()}.pdf", b"%PDF-1.7")
    found["attachment"] = [attachments.attach(who, upload, by=owner, at=NOW).pk]
    spoken = talks.held(who, "price", note=word(), quote=word(), competitor=rival.name, offered=word())
    found["interview"] = [spoken.pk, talks.begun(who).pk]
    found["survey_response"] = [surveys.answered(who.contacts.get(), text=word()).pk]
    dispatch = sending.send_invitation(
        who.contacts.get(),
        Survey.objects.get(code="asked"),
        channel="email",
        key=word(),
        by=owner,
        now=clock.real_now(),
        at=NOW,
    )
    found["survey_dispatch"] = [dispatch.pk]
    change = changes_of.announced(scope="listed", kind="price", customers=[who])
    found["concerned"] = [changes_of.row_of(change, who).pk]
    found["care_touch"] = [_greeting(who)]
    found["distribution"] = [_distribution(who, lead, name=word())]
    found["address"] = [AddressFactory(customer=who).pk]
    found |= _points(who, owner, word())
    ExternalRef.objects.create(source="crm", kind="customer", external_id=word(), object_id=customer_id)
    token, _secret = tokens.create_token(
        owner,
        name=word(),
        scopes=["cases:read"],
        expires_at=clock.real_now() + timedelta(days=1),
        by=owner,
        at=clock.real_now(),
    )
    found["token"] = [token.pk]
    found["user"] = [owner.pk, lead.pk]
    found["import"] = [
        ImportBatch.objects.create(
            kind="customers", status="done", file_name=f"{word()}.csv", by=lead, made_at=NOW, problem=word()
        ).pk
    ]
    return found


def _points(customer: Customer, owner: User, word: str) -> dict[str, list[int]]:
    """Give a customer points, a redemption, an adjustment that waits, and a referral of its own."""
    account, said = points.make_account(customer), {"by": owner, "at": NOW}
    entry = points.earn(account, 500, note=word)
    taken = redeeming.ask_reward(account, Reward.objects.get(code="tin"), key=word, **said)
    redeeming.set_state(taken, "ready", note=word, tracking=word, **said)
    asked = adjusting.adjust(account, points=5, reason=word, key=word, **said)
    referral = Referral.objects.create(
        referrer=account, programme=account.programme, customer=customer, **said
    )
    order = OrderFactory(customer=customer)
    short = OrderEarning.objects.create(
        programme=account.programme,
        account=account,
        customer=customer,
        order=order,
        occurred_at=order.occurred_at,
        occurred_day=order.occurred_day,
        seen_at=order.recorded_at,
        short=5,
    )
    return {
        "points_account": [account.pk],
        "points_entry": [entry.pk],
        "redemption": [taken.pk],
        "points_adjustment": [asked.pk],
        "order_earning": [short.pk],
        "referral": [referral.pk],
    }


def _distribution(customer: Customer, lead: User, *, name: str) -> int:
    """Return a lead's distribution that asks the main contact of a customer."""
    made = distributions.distribution(name=name, by=lead)
    asking.add_people(made, [customer.contacts.get()], by=lead, at=NOW)
    return made.pk


MODELS = {
    "care_touch": CareTouch,
    "concerned": ConcernedCustomer,
    "customer": Customer,
    "distribution": Distribution,
    "duplicate": DuplicateProposal,
    "merge": Merge,
    "profile": ImportProfile,
    "reminder": Reminder,
    "text_reading": TextReading,
    "unknown_feedback": UnknownFeedback,
    "case": RetentionCase,
    "loop": LoopClosure,
    "call": FollowUpCall,
    "warning": EarlyWarning,
    "loss": Loss,
    "import": ImportBatch,
    "token": ApiToken,
    "user": User,
    "survey_dispatch": SurveyDispatch,
    "survey_response": SurveyResponse,
    "interview": Interview,
    "order_earning": OrderEarning,
    "points_account": PointsAccount,
    "points_entry": PointsEntry,
    "points_adjustment": PointsAdjustment,
    "redemption": Redemption,
}


def is_visible(kind: str, pk: int, user: User) -> bool:
    """Say whether ``user`` may see this object, by the one permission method of its model."""
    if kind == "user" and user.role in {"admin", "analyst", "integration"}:
        return True
    if kind in MODELS:
        return MODELS[kind].objects.visible_to(user).filter(pk=pk).exists()  # type: ignore[attr-defined]
    owners = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
    if kind == "payment":
        return InvoiceEvent.objects.filter(pk=pk, invoice__customer__in=owners).exists()
    if kind == "mention":
        return Mention.objects.visible_to(user).filter(pk=pk).exists()  # type: ignore[attr-defined]
    if kind == "feedback_file":
        seen = UnknownFeedback.objects.visible_to(user)  # type: ignore[attr-defined]
        return FeedbackFile.objects.filter(pk=pk, unknown__in=seen).exists()
    if kind == "silence":
        return Silence.objects.filter(pk=pk, customer__in=owners).exists()
    if kind == "referral":
        return Referral.objects.filter(pk=pk, customer__in=owners, referrer__customer__in=owners).exists()
    model = apps.get_model("customers", kind.replace("_", ""))
    if kind == "consent":
        return model.objects.filter(pk=pk, contact__customer__in=owners).exists()
    return model.objects.filter(pk=pk, customer__in=owners).exists()


def digests(*, without: tuple[str, ...] = ()) -> dict[str, str]:
    """Return a digest of every table's rows, but for audit, sessions and what ``without`` names."""
    left_out = {AuditEvent._meta.label, Session._meta.label, *without}
    found = {}
    for model in apps.get_models():
        if model._meta.label in left_out or not model._meta.managed:
            continue
        rows = model._default_manager.order_by("pk").values_list()
        found[model._meta.label] = hashlib.sha256(repr(list(rows)).encode()).hexdigest()
    return found


def form_of(world: World) -> dict[str, Any]:
    """Return what a form of any page would send to succeed, with ids that South may use."""
    return {
        "outcome": "not_pursued",
        "note": "Hello.",
        "reason": "Because.",
        "due_at": "2026-05-12T10:00",
        "kind": "save",
        "severity": "2",
        "direction": "out",
        "channel": "phone",
        "text": "Hello.",
        "churn_type": "active",
        "causes": [str(world.company["cause"][0])],
        "to": str(world.users["outsider"].pk),
        "switch": "off",
        "contact": str(world.south["contact"][0]),
        "name": "Hello",
        "username": "hello",
        "role": "analyst",
        "language": "en",
        "is_active": "false",
    }


def body_of(world: World, example: Any) -> Any:
    """Return the example of an action's body with ids that South may use."""
    if not isinstance(example, dict):
        return {}
    own = {
        "customer": world.south["customer"][0],
        "cases": world.south["case"][:1],
        "contact": world.south["contact"][0],
        "to": world.users["outsider"].pk,
        "user": world.users["outsider"].pk,
        "order": world.south["order"][0],
        "account": world.south["points_account"][0],
        "reward": world.company["reward"][0],
    }
    return {name: own.get(name, value) for name, value in example.items()}

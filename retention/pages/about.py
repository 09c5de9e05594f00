"""What a case's page tells about the case, gathered in one query."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from django.utils.translation import get_language

from customers import causes, consents
from customers import renewals as contracts
from customers.channels import addresses
from customers.ground.gathering import gathered
from customers.models import Cause, Complaint, Contact, Contract, Customer, DeadAddress, User
from retention import calls, rules
from retention.cases import diagnosis
from retention.models import (
    BusinessChange,
    CaseMove,
    ConcernedCustomer,
    Dismissal,
    EarlyWarning,
    FollowUpCall,
    MoveKind,
    RetentionCase,
    WarningRule,
)

MOST = 100
OF_CONTRACT = ("id", "number", "starts_day", "ends_day", "notice_day", "auto_renew", "currency", "value")
OF_CHANGE = (
    "change_id",
    *(
        f"change__{name}_{language}"
        for name in ("title", "explanation", "questions", "offer")
        for language in ("en", "zh")
    ),
)
OF_CONTACT = ("id", "name", "role", "phone", "email", "is_main")
_OF_WARNING = ("id", "rule_version", "severity", "raised_at", "closed_at", "closed_because", "evidence")
_OF_CAUSE = ("cause_id", "cause__name_en", "cause__name_zh", "cause__is_retired")
_OF_CATALOGUE = ("id", "parent_id", "name_en", "name_zh", "is_retired")
_OF_DISMISSAL = ("dismissal__reason",)
_OF_RULE = ("rule__name_en", "rule__name_zh", "rule__condition")


@dataclass(frozen=True)
class Reason:
    """One warning of a case, ready to show."""

    warning: EarlyWarning
    sentence: str
    noise: str = ""  # why somebody said that it is no sign


@dataclass(frozen=True)
class About:
    """What stands around a case; see :func:`about`."""

    case: RetentionCase
    rows: dict[str, list[Any]]

    @property
    def contacts(self) -> list[Contact]:
        return contacts_of(self.rows)

    @property
    def contracts(self) -> list[Contract]:
        """Those that brought the case and wait for an answer."""
        return [Contract(**vars(row)) for row in self.rows["contracts"]]

    @property
    def changes(self) -> list[BusinessChange]:
        """The changes of the business that are being followed and concern the customer."""
        return [
            BusinessChange(
                pk=row.change_id,
                **{name.removeprefix("change__"): getattr(row, name) for name in OF_CHANGE[1:]},
            )
            for row in self.rows["changes"]
        ]

    @property
    def call(self) -> FollowUpCall | None:
        """The planned call."""
        return next((FollowUpCall(**vars(row)) for row in self.rows["planned"]), None)

    @property
    def hint(self) -> calls.Hint | None:
        """What the calls say about reaching the customer."""
        return next((calls.hint_of(row.outcome, row.attempt) for row in self.rows["last"]), None)

    @property
    def sees_file(self) -> bool:
        return bool(self.rows["file"])

    @property
    def causes(self) -> list[Cause]:
        """Those that a diagnosis may name, and those that this one names already."""
        return [Cause(**vars(row)) for row in self.rows["causes"]]

    @property
    def named(self) -> list[Cause]:
        """Those that we assessed."""
        return [_cause(row) for row in self.rows["links"]]

    @property
    def stated(self) -> list[Cause]:
        """Those that the customer named."""
        return [_cause(row) for row in self.rows["stated"]]

    @property
    def diagnosis(self) -> dict[str, Any]:
        """The diagnosis as its form shows it."""
        links = self.rows["links"]
        return {
            "churn_type": self.case.churn_type,
            "stated": [row.cause_id for row in self.rows["stated"]],
            "causes": [link.cause_id for link in links],
            "main": next((link.cause_id for link in links if link.is_main), None),
        }

    @property
    def open_complaints(self) -> list[int]:
        """The complaints that opened or joined the case and are not resolved."""
        told = {row.codes.get("complaint") for row in self.rows["steps"]} | {self.case.complaint_id}
        return [row.id for row in self.rows["complaints"] if row.id in told]

    def reasons(self, *, currency: str) -> list[Reason]:
        """Return the warnings with their evidence in words, the gravest first."""
        language = get_language() or "en"
        return [_reason(row, language=language, currency=currency) for row in self.rows["warnings"]]


def about(case: RetentionCase, *, user: User) -> About:
    """Return what stands around a case, for ``user`` who sees it; one query."""
    made = FollowUpCall.objects.filter(case=case)
    of_customer = {"customer": case.customer_id}
    steps = CaseMove.objects.filter(case=case, kind__in=[MoveKind.OPENED, MoveKind.JOINED])
    links, stated = case.casecause_set.all(), case.stated.all()
    visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
    lists = {
        "contacts": Contact.objects.filter(**of_customer)[:MOST].values(*OF_CONTACT),
        "planned": made.filter(status=FollowUpCall.Status.PLANNED)[:1].values(
            "id", "due_at", "attempt", "reason"
        ),
        "uncalled": Contact.objects.filter(consents.asked_not_to_be_called(), **of_customer)[:MOST].values(
            "id"
        ),
        "dead": DeadAddress.objects.filter(**of_customer)[:MOST].values("contact_id", "channel", "address"),
        "last": made.filter(status=FollowUpCall.Status.DONE)
        .order_by("-done_at", "-id")[:1]
        .values("outcome", "attempt"),
        "warnings": case.warnings.order_by("closed_at", "-severity", "pk")[:MOST].values(
            *_OF_WARNING, *_OF_DISMISSAL, *_OF_RULE
        ),
        "links": _in_order(links)[:MOST].values("is_main", *_OF_CAUSE),
        "stated": _in_order(stated)[:MOST].values(*_OF_CAUSE),
        "causes": causes.choices(keeping=diagnosis.named_in(case)).values(*_OF_CATALOGUE),
        "steps": steps[:MOST].values("codes"),
        "complaints": Complaint.objects.filter(state=Complaint.State.OPEN, void=False, **of_customer)[
            :MOST
        ].values("id"),
        "contracts": contracts.undecided().filter(renewal_case__case=case)[:MOST].values(*OF_CONTRACT),
        "changes": ConcernedCustomer.objects.filter(change__state__in=BusinessChange.OPEN, **of_customer)
        .order_by("change_id")[:MOST]
        .values(*OF_CHANGE),
        "file": visible.filter(pk=case.customer_id).values("id"),
    }
    return About(case, gathered(**lists))


def contacts_of(rows: dict[str, list[Any]]) -> list[Contact]:
    """Return the contacts that were gathered.

    ``do_not_call`` marks those who asked not to be called, ``dead_channels`` whose address does not work.
    """
    uncalled = {row.id for row in rows["uncalled"]}
    contacts = [Contact(**vars(row)) for row in rows["contacts"]]
    for contact in contacts:
        contact.do_not_call = contact.pk in uncalled
        contact.dead_channels = addresses.dead_channels(contact, rows["dead"])
    return contacts


def _in_order(links: Any) -> Any:
    return links.order_by("cause__parent__position", "cause__position", "cause_id")


def _cause(row: SimpleNamespace) -> Cause:
    return Cause(
        pk=row.cause_id,
        name_en=row.cause__name_en,
        name_zh=row.cause__name_zh,
        is_retired=row.cause__is_retired,
    )


def _reason(row: SimpleNamespace, *, language: str, currency: str) -> Reason:
    rule = WarningRule(name_en=row.rule__name_en, name_zh=row.rule__name_zh, condition=row.rule__condition)
    warning = EarlyWarning(rule=rule, **{name: getattr(row, name) for name in _OF_WARNING})
    sentence = rules.evidence_sentence(warning, rule, language=language, currency=currency)
    noise = str(dict(Dismissal.Reason.choices).get(row.dismissal__reason, ""))
    return Reason(warning, sentence, noise)

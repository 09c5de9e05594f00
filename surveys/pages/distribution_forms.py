"""The forms of distributions: what one does, and whom a list asks."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from customers.models import Channel, Team, User
from customers.models.channels import SENDABLE
from customers.models.people import Role
from surveys.distributions import audiences, making, triggers
from surveys.distributions import reading as people_reading
from surveys.distributions.load import Proposal
from surveys.models import Distribution
from surveys.models.distributions import LIMITS

Kind = Distribution.Kind
WAYS = [(str(way), Channel(way).label) for way in SENDABLE]
_BY_KIND = {
    "group": (Kind.SEGMENT, Kind.EVENT, Kind.PERIODIC),
    "trigger": (Kind.EVENT,),
    "delay_days": (Kind.EVENT,),
    "period_days": (Kind.PERIODIC,),
    "whom": (Kind.SEGMENT, Kind.PERIODIC),
}
_FIXED = ("group", "trigger", "delay_days", "period_days", "whom", "team", "share")
_FIELDS = {"team_id": "team", "audience": "group", "audience_id": "group"}


def _number(name: str, **kwargs: Any) -> forms.IntegerField:
    least, most = LIMITS[name]
    return forms.IntegerField(min_value=least, max_value=most, **kwargs)


class SettingsForm(forms.Form):
    """What a distribution does; only what its kind has a use for, and what may still be changed."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=120,
        help_text=gettext_lazy("For colleagues only, for example “Every quarter, all customers”."),
    )
    trigger = forms.ChoiceField(label=gettext_lazy("What is asked about"))
    delay_days = _number(
        "delay_days",
        label=gettext_lazy("Days after it happened"),
        initial=0,
        help_text=gettext_lazy("0: at once."),
    )
    period_days = _number(
        "period_days",
        label=gettext_lazy("Each person once in so many days"),
        initial=90,
        help_text=gettext_lazy("Everybody has a day of her own, so that each day is as full as the others."),
    )
    group = forms.ChoiceField(label=gettext_lazy("Group of customers"), required=False)
    whom = forms.ChoiceField(
        label=gettext_lazy("Of each customer"), choices=Distribution.Whom.choices, initial="main"
    )
    team = forms.ModelChoiceField(
        label=gettext_lazy("Customers of the team"),
        queryset=Team.objects.order_by("name"),
        required=False,
        empty_label=gettext_lazy("all teams"),
    )
    channel = forms.ChoiceField(
        label=pgettext_lazy("how something is sent", "By"), choices=WAYS, initial="email"
    )
    fallback = forms.ChoiceField(
        label=gettext_lazy("Where that will not do"),
        choices=[("", gettext_lazy("not at all")), *WAYS],
        required=False,
        help_text=gettext_lazy("For those without an address or consent for the first way."),
    )
    share = _number(
        "share",
        label=gettext_lazy("Share that is asked, in per cent"),
        initial=100,
        help_text=gettext_lazy("Drawn by lot, once: whoever looks again finds the same people."),
    )
    per_day = _number("per_day", label=gettext_lazy("At most a day"), required=False)
    remind_after = _number(
        "remind_after",
        label=gettext_lazy("One reminder after days"),
        initial=4,
        required=False,
        help_text=gettext_lazy("Empty: none."),
    )
    useful_days = _number(
        "useful_days",
        label=gettext_lazy("Sent at the latest after days"),
        initial=14,
        help_text=gettext_lazy("Who cannot be asked so long is not asked: “not sent: too late”."),
    )
    not_asked_days = _number(
        "not_asked_days",
        label=gettext_lazy("Same survey not again within days"),
        initial=30,
        help_text=gettext_lazy(
            "0: that does not matter. How often somebody is contacted at all is a setting."
        ),
    )

    def __init__(
        self,
        *args: Any,
        kind: str,
        user: User,
        one: Distribution | None = None,
        proposal: Proposal | None = None,
        **kwargs: Any,
    ) -> None:
        if one is not None:
            kwargs["initial"] = _initial(one)
        super().__init__(*args, **kwargs)
        self.kind, self.one = kind, one
        self._offer(one)
        for name, kinds in _BY_KIND.items():
            if kind not in kinds:
                del self.fields[name]
        if kind == Kind.LIST or user.role == Role.TEAM_LEAD:  # a lead's is for her team
            del self.fields["team"]
        if one is not None and one.status != Distribution.Status.DRAFT:
            for name in _FIXED:
                self.fields.pop(name, None)
        self.fields["per_day"].help_text = proposed(proposal)

    def _offer(self, one: Distribution | None) -> None:
        trigger: Any = self.fields["trigger"]
        trigger.choices = [(one.code, _first_big(str(one.label))) for one in triggers.offered()]
        groups = [(f"{of.code}:{pk}", name) for of in audiences.offered() for pk, name in of.groups()]
        group: Any = self.fields["group"]
        group.required = self.kind == Kind.SEGMENT
        empty = ("", _("Choose")) if group.required else ("", _("all customers"))
        group.choices = [empty, *groups]

    def settings(self) -> making.Settings:
        """Return what was written, with what is fixed as it stands."""
        data = dict(self.cleaned_data)
        known = making.Settings.__dataclass_fields__
        kept = {name: getattr(self.one, name) for name in known} if self.one is not None else {}
        said = {name: value for name, value in data.items() if name in known}
        if "group" in data:
            code, _colon, number = data["group"].partition(":")
            said |= {"audience": code, "audience_id": int(number) if number else None}
        if "team" in data:
            said["team_id"] = data["team"].pk if data["team"] else None
        return making.Settings(**{**kept, **said, "kind": self.kind})

    def refuse(self, refusal: making.SettingRefused) -> None:
        """Let a refusal stand at its field."""
        name = _FIELDS.get(refusal.field, refusal.field)
        self.add_error(name if name in self.fields else None, str(refusal))


class PeopleForm(forms.Form):
    """Whom to ask: pasted, or a file."""

    text = forms.CharField(
        label=gettext_lazy("One person a line"),
        required=False,
        max_length=500_000,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text=gettext_lazy(
            "A mail address, or the number of a contact or customer: as in your files, or ours. A customer "
            "stands for its main contact."
        ),
    )
    file = forms.FileField(
        label=gettext_lazy("Or a file"),
        required=False,
        help_text=gettext_lazy("CSV or XLSX with a column called email, contact or customer; at most 10 MB."),
    )

    def clean(self) -> dict[str, Any]:
        """Refuse neither and both, and a file that is too large."""
        cleaned: dict[str, Any] = super().clean() or {}
        text, upload = cleaned.get("text"), cleaned.get("file")
        if bool(text) == bool(upload) and not self.errors:
            self.add_error(None, _("Write the people, or choose a file: one of the two."))
        if upload and upload.size > people_reading.MOST_BYTES:
            self.add_error("file", _("The file is too large."))
        return cleaned


def proposed(proposal: Proposal | None) -> str:
    """Say how many a day the team can follow up, and why."""
    empty = _("Empty: as many as there are.")
    if proposal is None:
        return empty
    rates = {
        "free": f"{proposal.free:.1f}",
        "answers": round(proposal.answer_rate * 100),
        "low": round(proposal.low_rate * 100),
        "most": f"{proposal.per_day:,}",
    }
    if not proposal.per_day:
        return f"{_('The team has no room for further calls now.')} {empty}"
    said = (
        _(
            "Proposed: %(most)s. The team has room for %(free)s further calls a day; it is taken for granted "
            "that %(answers)s %% answer and %(low)s %% of the answers need a call."
        )
        if proposal.is_assumed
        else _(
            "Proposed: %(most)s. The team has room for %(free)s further calls a day; %(answers)s %% answer, "
            "and %(low)s %% of the answers need a call."
        )
    )
    return f"{said % rates} {empty}"


def _initial(one: Distribution) -> dict[str, Any]:
    names = making.Settings.__dataclass_fields__
    group = f"{one.audience}:{one.audience_id}" if one.audience else ""
    return {name: getattr(one, name) for name in names} | {"group": group, "team": one.team_id}


def _first_big(text: str) -> str:
    return text[:1].upper() + text[1:]

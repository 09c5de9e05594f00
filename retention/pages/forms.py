"""Forms of the pages; what they allow is what the verbs allow."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, time
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers import causes, company
from customers.ground.localtime import day_of
from customers.ground.numbers import whole
from customers.ground.widgets import LongSelect
from customers.ground.working_time import next_open
from customers.models import Cause, Complaint, Contact, Customer, Interaction, User
from customers.models.people import Role
from retention.cases import diagnosis, recovery
from retention.cases.closing import CLOSED_BY_HAND
from retention.models import Dismissal, RetentionCase
from retention.models.rules import CaseKind, Severity

YEARS = range(2000, 2101)
REMINDED_AT = time(9, 0)
REMINDS = (
    ("", _("no reminder")),
    (1, _("tomorrow")),
    (3, _("in three days")),
    (7, _("in a week")),
    (30, _("in a month")),
)
"""After how many days one wants to be reminded of a next step."""


class MomentField(forms.DateTimeField):
    """A local date and time, picked by the browser's own control."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def to_python(self, value: Any) -> datetime | None:
        """Return the moment; years that nobody means are refused, some overflow in other zones."""
        moment: datetime | None = super().to_python(value)
        if moment is not None and moment.year not in YEARS:
            raise ValidationError(_("Enter a year between 2000 and 2100."), code="year")
        return moment


class CausesField(forms.ModelMultipleChoiceField):
    """Some of the causes; a key that is no number the database can hold is refused like an unknown one."""

    def clean(self, value: Any) -> Any:
        """Return the causes; raise ``ValidationError`` for keys that name none."""
        for key in value or ():
            if whole(str(key)) is None:
                raise ValidationError(
                    self.error_messages["invalid_pk_value"], code="invalid_pk_value", params={"pk": key}
                )
        return super().clean(value)


class CallForm(forms.Form):
    """What was said in a call, and when to call again."""

    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("What happened, what was promised, what comes next."),
    )
    next_at = MomentField(
        label=_("Call again at"),
        required=False,
        help_text=_("Needed for “call me later”; optional if reached."),
    )


class PlanForm(forms.Form):
    """When the next call is due, and what it is about."""

    due_at = MomentField(label=_("Call due at"))
    reason = forms.CharField(
        label=_("What to talk about"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class PlanWithForm(PlanForm):
    """A call planned from the customer's page, which may open a case: so it needs its reason."""

    reason = forms.CharField(
        label=_("What to talk about"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Opens a case if none is open; the reason stands on top of it."),
    )


class ReminderForm(forms.Form):
    """What one wants to be reminded of."""

    text = forms.CharField(
        label=_("What to think of"), max_length=500, widget=forms.Textarea(attrs={"rows": 2})
    )
    due_at = MomentField(label=pgettext_lazy("of a reminder", "When"))


class DiagnosisForm(forms.Form):
    """Why the customer is leaving: the type, the causes as the customer says and as we see them."""

    churn_type = forms.ChoiceField(label=_("Type"), choices=RetentionCase.ChurnType.choices)
    stated = CausesField(label=_("The customer says"), queryset=Cause.objects.none(), required=False)
    causes = CausesField(label=_("We see"), queryset=Cause.objects.none())
    main = forms.ModelChoiceField(
        label=_("Main cause"),
        queryset=Cause.objects.none(),
        required=False,
        empty_label=_("the only one"),
        help_text=_("Needed only when you chose several under “We see”."),
    )

    def __init__(
        self, *args: Any, case: RetentionCase | None = None, known: Iterable[Cause] = (), **kwargs: Any
    ) -> None:
        """``known``: the causes where they are read already, for a form that is only shown.

        Retired causes that the ``case`` names already may stay.
        """
        super().__init__(*args, **kwargs)
        self.known = list(known)
        if not self.known:
            keeping = diagnosis.named_in(case) if case is not None else None
            self.known = list(causes.choices(keeping=keeping).select_related("parent"))
        among = Cause.objects.filter(pk__in=[cause.pk for cause in self.known]).select_related("parent")
        for name in ("stated", "causes", "main"):
            cast(Any, self.fields[name]).queryset = among
        main = cast(Any, self.fields["main"])
        main.widget.choices = [("", main.empty_label), *grouped(self.known)]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each cause, details behind what they belong to, with what is chosen."""
        chosen = {name: {str(key) for key in self[name].value() or ()} for name in ("stated", "causes")}
        return [
            {
                "cause": cause,
                "is_detail": cause.parent_id is not None,
                **{name: str(cause.pk) in keys for name, keys in chosen.items()},
            }
            for cause in self.known
        ]


def grouped(known: Iterable[Cause]) -> list[Any]:
    """Return the choices of a list of causes: those with details as groups that begin with themselves."""
    found = list(known)
    details: dict[int | None, list[Cause]] = {}
    for cause in found:
        details.setdefault(cause.parent_id, []).append(cause)
    firsts = {cause.pk for cause in found if cause.parent_id is None}
    choices: list[Any] = []
    for cause in found:
        if cause.parent_id in firsts:
            continue
        below = details.get(cause.pk, [])
        pairs = [(one.pk, str(one)) for one in (cause, *below)]
        choices += [(str(cause), pairs)] if below else pairs
    return choices


class PointsForm(forms.Form):
    """How many recovery points, and what for; the key makes that a second press grants nothing more."""

    points = forms.IntegerField(
        label=pgettext_lazy("of loyalty", "Points"), min_value=1, max_value=recovery.MOST_POINTS
    )
    reason = forms.CharField(
        label=_("What for"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("For colleagues; the customer reads only that they are recovery points."),
    )
    key = forms.CharField(max_length=recovery.MOST_KEY, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"key": secrets.token_urlsafe(16)})
        kwargs.setdefault("auto_id", "points_%s")  # other forms of the page have a reason, too
        super().__init__(*args, **kwargs)


class CloseForm(forms.Form):
    """How the case ends, and why."""

    outcome = forms.ChoiceField(
        label=_("Outcome"),
        choices=CLOSED_BY_HAND,
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(
        label=_("Why"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("One sentence: what kept the customer, or why not."),
    )


class DismissForm(forms.Form):
    """Why a warning is no sign."""

    reason = forms.ChoiceField(label=_("Why is it no sign?"), choices=Dismissal.Reason.choices)


class ColleagueField(forms.ModelChoiceField):
    """One of the colleagues that the person asking may choose."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(queryset=User.objects.none(), widget=LongSelect, **kwargs)


class _Offered:
    """Choices that are read when the control is drawn, and only then."""

    def __init__(self, read: Callable[[], Iterable[tuple[Any, str]]]) -> None:
        self.read = read

    def __iter__(self) -> Iterator[tuple[Any, str]]:
        return iter(self.read())


class AssignForm(forms.Form):
    """Who gets it."""

    to = ColleagueField(label=_("Give to"))

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        found = User.objects.working().visible_to(user).order_by("username")
        field: Any = self.fields["to"]
        field.queryset = found
        brief = found.only("username", "first_name", "last_name")
        field.widget.choices = _Offered(lambda: [("", field.empty_label), *((u.pk, str(u)) for u in brief)])


class OwnerForm(AssignForm):
    """Who looks after the customer from now on."""

    to = ColleagueField(label=_("New owner"))


class _AboutCustomer(forms.Form):
    """A form whose contacts are those of one customer."""

    def __init__(
        self, *args: Any, customer: Customer, contacts: Iterable[Contact] | None = None, **kwargs: Any
    ) -> None:
        """``contacts``: those of the customer where they are read already, for a form that is only shown."""
        super().__init__(*args, **kwargs)
        if "contact" in self.fields:
            field = cast(Any, self.fields["contact"])
            field.queryset = customer.contacts.all()
            if contacts is not None:
                field.widget.choices = [("", field.empty_label), *((c.pk, str(c)) for c in contacts)]


class InteractionForm(_AboutCustomer):
    """A contact with the customer."""

    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=Interaction.Kind.choices,
        initial=Interaction.Kind.CALL,
        widget=forms.RadioSelect(attrs={"class": "choices"}),
    )
    contact = forms.ModelChoiceField(
        label=_("With"), queryset=Contact.objects.none(), required=False, empty_label=_("not said")
    )
    text = forms.CharField(
        label=_("What was said"), max_length=4000, widget=forms.Textarea(attrs={"rows": 3})
    )
    next_step = forms.CharField(label=_("Next step"), max_length=500, required=False)
    remind = forms.TypedChoiceField(
        label=_("Remind me"), choices=REMINDS, coerce=int, empty_value=None, required=False
    )
    direction = forms.ChoiceField(label=_("Direction"), choices=Interaction.Direction.choices, required=False)
    reached = forms.BooleanField(label=_("Somebody was reached"), initial=True, required=False)
    occurred_at = MomentField(label=_("When"), required=False, help_text=_("Empty: just now."))

    seldom = ("direction", "reached", "occurred_at")

    @property
    def often_asked(self) -> list[forms.BoundField]:
        """Return the fields of nearly every contact, in order."""
        return [field for field in self if field.name not in self.seldom]

    @property
    def seldom_asked(self) -> list[forms.BoundField]:
        """Return the fields that are right as they stand for most contacts."""
        return [self[name] for name in self.seldom]

    @property
    def is_seldom_open(self) -> bool:
        """Say whether one of the latter was refused, and so must be seen."""
        return any(name in self.errors for name in self.seldom)

    def said(self, *, at: datetime) -> dict[str, Any]:
        """Return what the form says as the verb takes it."""
        values = dict(self.cleaned_data)
        days = values.pop("remind")
        values["direction"] = values["direction"] or Interaction.Direction.OUT
        if days is not None:
            morning = day_of(company.today(at).number + days)
            opens = company.local_moment(morning, REMINDED_AT)
            values["next_at"] = next_open(opens, calendar=company.working_calendar())
        return values


class ComplaintForm(_AboutCustomer):
    """What a customer complains about."""

    text = forms.CharField(
        label=_("What went wrong"),
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("In the customer's words."),
    )
    channel = forms.ChoiceField(label=_("Came by"), choices=Complaint.Channel.choices)
    severity = forms.TypedChoiceField(
        label=_("Severity"), choices=Complaint.Severity.choices, coerce=int, initial=Complaint.Severity.MEDIUM
    )
    contact = forms.ModelChoiceField(
        label=_("From"), queryset=Contact.objects.none(), required=False, empty_label=_("not said")
    )


class OpenCaseForm(forms.Form):
    """A case opened by hand."""

    kind = forms.ChoiceField(label=_("Kind"), choices=CaseKind.choices)
    severity = forms.TypedChoiceField(
        label=_("Severity"), choices=Severity.choices, coerce=int, initial=Severity.MEDIUM
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("What you noticed; it stands on top of the case."),
    )


WORKERS = (Role.ACCOUNT_MANAGER, Role.TEAM_LEAD, Role.ADMIN)

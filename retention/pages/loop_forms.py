"""Forms of the way back to the customer; what they allow is what the verbs allow."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers import causes
from customers.models import Cause, FeedbackKind, Interaction, User
from retention.loop import ACTIONS
from retention.loop.owners import OWNING_ROLES
from retention.models import LoopClosure, LoopPolicy
from retention.pages.forms import grouped

LONGEST = 5000


def _words(label: Any, *, rows: int = 4, required: bool = True, help_text: Any = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        required=required,
        max_length=LONGEST,
        help_text=help_text,
        widget=forms.Textarea(attrs={"rows": rows}),
    )


class LoopFilterForm(forms.Form):
    """Which feedback the list shows."""

    source = forms.ChoiceField(
        label=_("Source"), required=False, choices=[("", _("All sources")), *LoopClosure.Source.choices]
    )
    kind = forms.ChoiceField(
        label=_("Kind"), required=False, choices=[("", _("All kinds")), *FeedbackKind.choices]
    )
    state = forms.ChoiceField(
        label=_("State"), required=False, choices=[("", _("Open")), *LoopClosure.State.choices]
    )


class ContactForm(forms.Form):
    """A contact, or an attempt."""

    kind = forms.ChoiceField(
        label=pgettext_lazy("how something is sent", "By"), choices=Interaction.Kind.choices
    )
    reached = forms.TypedChoiceField(
        label=_("Was somebody reached?"),
        choices=[("yes", _("Reached")), ("no", _("Tried, nobody reached"))],
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect(attrs={"class": "choices"}),
        initial="yes",
    )
    text = _words(_("What was said, or how it was tried"), rows=3)


class CauseForm(forms.Form):
    """Why it happened, as the company sees it."""

    cause = forms.ModelChoiceField(label=_("Cause"), queryset=Cause.objects.all())

    def __init__(self, *args: Any, known: list[Cause] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = list(causes.choices().select_related("parent")) if known is None else known
        field = self.fields["cause"]
        field.widget.choices = [("", "—"), *grouped(known)]  # type: ignore[attr-defined]


class ActionForm(forms.Form):
    """What was done about it."""

    action = forms.ChoiceField(label=_("What was done"))
    text = _words(_("In a sentence"), rows=3, required=False)

    def __init__(self, *args: Any, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        allowed = [(one.value, one.label) for one in ACTIONS[kind]]
        self.fields["action"].choices = allowed  # type: ignore[attr-defined]


class AskForm(forms.Form):
    """What the customer is told, with the question whether it is solved."""

    message = _words(
        _("Message to the customer"),
        rows=6,
        help_text=_("She gets it with a link by which she says whether it is solved."),
    )
    by_hand = forms.BooleanField(label=_("Send nothing: I pass the link on myself"), required=False)


class AnswerForm(forms.Form):
    """The answer given in public to somebody who left no address, or directly to somebody unknown."""

    words = _words(_("What was answered, and where"))


class ConfirmForm(forms.Form):
    """How she said that it is solved."""

    words = _words(
        _("How and when did the customer say so?"),
        rows=3,
        help_text=_("It counts apart from what customers confirm by the link themselves."),
    )


class NotSolvedForm(forms.Form):
    """What is still wrong."""

    words = _words(_("What is still wrong?"), rows=3, required=False)


class WithdrawForm(forms.Form):
    """Why nobody needs to answer."""

    reason = _words(_("Why does nobody need to answer this?"), rows=2)


class GiveForm(forms.Form):
    """To whom."""

    to = forms.ModelChoiceField(label=_("Colleague"), queryset=User.objects.none())

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = User.objects.filter(is_active=True, role__in=OWNING_ROLES).order_by("username")
        self.fields["to"].queryset = people  # type: ignore[attr-defined]


class PolicyForm(forms.Form):
    """How long the company waits for the customer's word."""

    silent_days = forms.IntegerField(
        label=_("Days without a word"),
        min_value=1,
        max_value=LoopPolicy.MOST_DAYS,
        help_text=_("After so many days what was asked counts as unconfirmed. A later word still counts."),
    )

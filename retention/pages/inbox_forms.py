"""Forms of the inbox: whose it is, a new customer, an answer without one, who sees to it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from customers.models import Customer, FeedbackKind, UnknownFeedback, User
from retention.pages.dealing_forms import ListedField
from retention.pages.file.finding import CustomerField


class _KindForm(forms.Form):
    """What it is in truth; as she called it unless somebody says otherwise."""

    kind = forms.ChoiceField(label=pgettext_lazy("feedback", "What it is"), choices=FeedbackKind.choices)


class LinkForm(_KindForm):
    """Whose it is; named ``q``, as the suggestions are asked for."""

    q = CustomerField(
        label=gettext_lazy("Customer"), help_text=gettext_lazy("The name, or the number behind a #: #12.")
    )
    field_order = ("q", "kind")

    def __init__(self, *args: Any, row: UnknownFeedback, user: User, **kwargs: Any) -> None:
        super().__init__(*args, initial={"kind": row.kind}, **kwargs)
        field: Any = self.fields["q"]
        field.visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
        field.required = True


class CreateForm(_KindForm):
    """A customer that there was not."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=200)
    email = forms.EmailField(label=gettext_lazy("E-mail"), max_length=254, required=False)
    phone = forms.CharField(label=gettext_lazy("Phone"), max_length=32, required=False)
    is_company = forms.BooleanField(label=gettext_lazy("It is a company"), required=False)
    owner = ListedField(
        label=gettext_lazy("Account manager"), queryset=User.objects.none(), required=False, empty_label="—"
    )
    field_order = ("name", "email", "phone", "is_company", "owner", "kind")

    def __init__(self, *args: Any, row: UnknownFeedback, colleagues: Any, **kwargs: Any) -> None:
        is_mail = "@" in row.stated_reach
        known = {
            "kind": row.kind,
            "name": row.stated_name,
            "email": row.stated_reach if is_mail else "",
            "phone": "" if is_mail else row.stated_reach,
        }
        super().__init__(*args, initial=known, **kwargs)
        field: Any = self.fields["owner"]
        field.queryset = colleagues

    def said(self) -> dict[str, Any]:
        """Return what was written, by the names of the verb."""
        data = self.cleaned_data
        return {
            "name": data["name"],
            "contact": {"email": data["email"], "phone": data["phone"]},
            "is_company": data["is_company"],
            "owner": data["owner"],
            "kind": data["kind"],
        }


class HandleForm(forms.Form):
    """How it was answered where it is nobody's."""

    answered = forms.ChoiceField(
        label=gettext_lazy("How it was answered"),
        choices=UnknownFeedback.Answer.choices,
        widget=forms.RadioSelect,
    )
    words = forms.CharField(
        label=gettext_lazy("What was answered, and where"),
        max_length=5000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy("It counts as answered, never as confirmed by her."),
    )

    def __init__(self, *args: Any, row: UnknownFeedback, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["answered"]
        answer = UnknownFeedback.Answer
        other = {answer.PUBLIC, answer.GENERAL} if row.stated_reach else {answer.DIRECT}
        field.choices = [one for one in field.choices if one[0] not in other]

    def clean(self) -> dict[str, Any]:
        """Ask for the words of an answer."""
        data: dict[str, Any] = super().clean() or {}
        if data.get("answered") not in (None, UnknownFeedback.Answer.NONE) and not data.get("words"):
            raise ValidationError({"words": _("Write what was answered, and where.")})
        return data


class AssignForm(forms.Form):
    """Who sees to it."""

    to = ListedField(label=gettext_lazy("Who sees to it"), queryset=User.objects.none(), empty_label=None)

    def __init__(self, *args: Any, row: UnknownFeedback, colleagues: Any, **kwargs: Any) -> None:
        super().__init__(*args, initial={"to": row.owner_id}, **kwargs)
        field: Any = self.fields["to"]
        field.queryset = colleagues

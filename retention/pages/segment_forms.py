"""The forms of segments: names, and customers pasted by their ids."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from customers.models import Customer, User
from retention.models import Segment
from retention.segments import named

MOST_PASTED = 5_000
NAMED_IN_ERRORS = 5
_BETWEEN = re.compile(r"[,，、;；\s]+")


class NamesForm(forms.Form):
    """A name in one language at least; the other one is the same when left out."""

    name_en = forms.CharField(label=_("English name"), max_length=120, required=False)
    name_zh = forms.CharField(label=_("Chinese name"), max_length=120, required=False)

    def clean(self) -> dict[str, Any]:
        """Refuse a segment without any name."""
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors and not (cleaned.get("name_en") or cleaned.get("name_zh")):
            self.add_error("name_en", _("Give the segment a name, in English or Chinese."))
        return cleaned

    def names(self) -> dict[str, str]:
        """Return both names."""
        english, chinese = self.cleaned_data["name_en"], self.cleaned_data["name_zh"]
        return {"name_en": english or chinese, "name_zh": chinese or english}


class _NewForm(NamesForm):
    code = forms.SlugField(
        label=_("Code"),
        max_length=64,
        required=False,
        help_text=_("What files and programs call it: Latin letters, digits and hyphens. It stays."),
    )

    def named(self) -> dict[str, str]:
        """Return the names and the code, which follows from the name when it was left out."""
        names = self.names()
        code = self.cleaned_data["code"] or slugify(names["name_en"])[:64]
        return {"code": code or f"segment-{Segment.objects.count() + 1}", **names}


class NewSegmentForm(_NewForm):
    """A segment by a condition; the condition is an editor beside it."""


class CustomersField(forms.CharField):
    """Customers by their ids, pasted: those of the company's files, or ours."""

    widget = forms.Textarea(attrs={"rows": 4})

    def __init__(self, *, user: User, **kwargs: Any) -> None:
        self.user = user
        super().__init__(**kwargs)

    def clean(self, value: Any) -> Any:
        """Return the customers; raise ``ValidationError`` that names those that nobody knows."""
        text: str = super().clean(value)
        wanted = list(dict.fromkeys(one for one in _BETWEEN.split(text) if one))
        if len(wanted) > MOST_PASTED:
            said = _("These are more than %(most)d ids. Import them as a file instead.")
            raise ValidationError(said, code="many", params={"most": MOST_PASTED})
        visible = Customer.objects.visible_to(self.user)  # type: ignore[attr-defined]
        found, unknown = named(wanted, among=visible)
        if unknown:
            raise ValidationError(
                _("There is no customer with the id %(ids)s, or you may not see it. Nobody was added."),
                code="unknown",
                params={"ids": ", ".join(one[:64] for one in unknown[:NAMED_IN_ERRORS])},
            )
        return found


class MembersForm(forms.Form):
    """Customers to put on a list, or to take off it."""

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["customers"] = CustomersField(
            user=user,
            label=_("Customers' ids"),
            help_text=_("As in your files, or our numbers; one a line."),
        )


class NewListForm(_NewForm):
    """A segment by a list, with its first members."""

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["customers"] = CustomersField(
            user=user,
            required=False,
            label=_("Customers' ids"),
            help_text=_("As in your files, or our numbers; one a line. They may come later."),
        )

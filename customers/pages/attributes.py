"""Attributes of the business's own: an admin defines, renames and retires them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from customers import attributes
from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.models import Attribute

PAGE = 50


class ChoicesField(forms.CharField):
    """What there is to choose, a line each: code | English | Chinese."""

    widget = forms.Textarea(attrs={"rows": 5})

    def to_python(self, value: Any) -> list[attributes.Choice]:  # type: ignore[override]
        """Return code, English and Chinese of each line; what is not said is the code."""
        found = []
        for line in (super().to_python(value) or "").splitlines():
            parts = [part.strip() for part in line.split("|")]
            if not any(parts):
                continue
            if not parts[0] or len(parts) > 3 or any(len(part) > 64 for part in parts):
                raise ValidationError(
                    _("Write a line as code | English | Chinese, each at most 64 characters."), code="line"
                )
            english, chinese = [*parts[1:], "", ""][:2]
            found.append((parts[0], english, chinese))
        return found

    def prepare_value(self, value: Any) -> Any:
        """Return the lines as they are written."""
        if isinstance(value, list):
            return "\n".join(" | ".join(line) for line in value)
        return value


class AttributeForm(forms.Form):
    """The names of an attribute, and what there is to choose."""

    label_en = forms.CharField(label=gettext_lazy("Name in English"), max_length=100)
    label_zh = forms.CharField(label=gettext_lazy("Name in Chinese"), max_length=100)
    choices = ChoicesField(
        label=gettext_lazy("What there is to choose"),
        required=False,
        max_length=20_000,
        help_text=gettext_lazy("Only for a choice: a line each, code | English | Chinese."),
    )


class NewAttributeForm(AttributeForm):
    """A new attribute."""

    code = forms.SlugField(
        label=gettext_lazy("Code"),
        max_length=64,
        help_text=gettext_lazy("For files and programs; letters, digits, - and _. It stays for good."),
    )
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=Attribute.Kind.choices)
    field_order = ["code", "kind", "label_en", "label_zh", "choices"]


@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin")
def attribute_list(request: HttpRequest) -> HttpResponse:
    """List the attributes and define new ones."""
    form = NewAttributeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            attributes.define_attribute(**form.cleaned_data, by=request.user, at=clock.now())
        except Refused as refusal:
            form.add_error("choices" if isinstance(refusal, attributes.NoChoices) else "code", str(refusal))
        else:
            messages.success(request, _("The attribute is defined; it stands on the file of every customer."))
            return redirect("customers:attribute_list")
    page = Paginator(Attribute.objects.order_by("code"), PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "form": form}
    status = 422 if form.errors else 200
    return render(request, "customers/attributes/list.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin")
def attribute_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Rename an attribute and what there is to choose."""
    attribute = get_object_or_404(Attribute, pk=pk)
    stands = {
        "label_en": attribute.label_en,
        "label_zh": attribute.label_zh,
        "choices": [(code, *attribute.choice_labels.get(code, (code, code))) for code in attribute.choices],
    }
    form = AttributeForm(request.POST or None, initial=stands)
    if attribute.kind != Attribute.Kind.CHOICE:
        del form.fields["choices"]
    if request.method == "POST" and form.is_valid():
        try:
            attributes.change_attribute(attribute, **form.cleaned_data, by=request.user, at=clock.now())
        except Refused as refusal:
            form.add_error("choices" if "choices" in form.fields else None, str(refusal))
        else:
            messages.success(request, _("Saved."))
            return redirect("customers:attribute_list")
    context = {"attribute": attribute, "form": form}
    status = 422 if form.errors else 200
    return render(request, "customers/attributes/edit.html", context, status=status)


@require_POST
@allow("admin")
def attribute_retire(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for an attribute no more, or again."""
    attribute = get_object_or_404(Attribute, pk=pk)
    is_retired = request.POST.get("retired") == "1"
    try:
        attributes.retire_attribute(attribute, is_retired=is_retired, by=request.user, at=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("customers:attribute_edit", pk=pk)
    messages.success(
        request,
        _("“%(name)s” is retired: its values stay readable.") % {"name": attribute}
        if is_retired
        else _("“%(name)s” is asked for again.") % {"name": attribute},
    )
    return redirect("customers:attribute_edit", pk=pk)

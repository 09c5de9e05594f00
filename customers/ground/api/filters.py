"""Filters of lists: closed lists of parameters, each of a kind that refuses what it cannot read."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django_filters import filters
from django_filters.rest_framework import DjangoFilterBackend, FilterSet
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from customers.ground.api.paging import PARAMETERS
from customers.ground.api.problems import InvalidQuery

__all__ = ["ChoiceFilter", "DayFilter", "FilterSet", "FlagFilter", "IdFilter", "MomentFilter", "TextFilter"]
FIRST_YEAR, LAST_YEAR = 1970, 2200
GREATEST_ID = 2**63 - 1


class MomentFormField(forms.DateTimeField):
    """A moment with its offset; one without is refused, because nobody can know what it means."""

    def to_python(self, value: Any) -> Any:
        """Return the aware moment."""
        from django.utils.dateparse import parse_datetime

        if value in self.empty_values:
            return None
        try:
            # a plus in an address that nobody escaped arrives as a blank
            moment = parse_datetime(str(value).strip().replace(" ", "+", 1) if "T" in str(value) else "")
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None or not FIRST_YEAR <= moment.year <= LAST_YEAR:
            raise forms.ValidationError(
                _("Write a moment with its offset, for example 2026-05-11T10:00:00Z."), "invalid"
            )
        return moment


class IdFilter(filters.Filter):
    """One of our numbers."""

    field_class: Any = forms.IntegerField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, min_value=1, max_value=GREATEST_ID, **kwargs)


class WholeFilter(filters.Filter):
    """A whole number, which may be below zero."""

    field_class: Any = forms.IntegerField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, min_value=-GREATEST_ID, max_value=GREATEST_ID, **kwargs)


class MomentFilter(filters.IsoDateTimeFilter):
    """A moment, ISO 8601 with offset."""

    field_class: Any = MomentFormField


class DayFormField(forms.DateField):
    """A day, as ISO 8601 writes it and nothing else."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(input_formats=["%Y-%m-%d"], **kwargs)

    def to_python(self, value: Any) -> Any:
        """Return the day; refuse one that breaks calendars."""
        day = super().to_python(value)
        if day is not None and not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise forms.ValidationError(self.error_messages["invalid"], "invalid")
        return day


class DayFilter(filters.DateFilter):
    """A day of the calendar; on a column of day numbers, say ``numbered=True``."""

    field_class: Any = DayFormField

    def __init__(self, *args: Any, numbered: bool = False, **kwargs: Any) -> None:
        self.numbered = numbered
        super().__init__(*args, **kwargs)

    def filter(self, qs: Any, value: Any) -> Any:
        """Compare with the day, or with its number."""
        return super().filter(qs, value.toordinal() if value and self.numbered else value)


class FlagFormField(forms.NullBooleanField):
    """true or false, and nothing else."""

    widget = forms.TextInput

    def to_python(self, value: Any) -> Any:
        """Return the flag; nothing when it was not given."""
        if value in (None, ""):
            return None
        if value not in {"true", "false"}:
            raise forms.ValidationError(_("Write true or false."), "invalid")
        return value == "true"

    def validate(self, value: Any) -> None:
        """Everything was said in ``to_python``."""


class FlagFilter(filters.BooleanFilter):
    """true or false."""

    field_class: Any = FlagFormField


class TextFilter(filters.CharFilter):
    """A text of at most 200 characters."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, max_length=kwargs.pop("max_length", 200), **kwargs)


ChoiceFilter = filters.ChoiceFilter


class ClosedFilters(DjangoFilterBackend):
    """Filters as the resource declares them; a parameter that is none of them is refused."""

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:
        """Return the rows that pass; raise :class:`InvalidQuery`."""
        try:
            return super().filter_queryset(request, queryset, view)
        except ValidationError as error:
            raise InvalidQuery(error.detail) from error


def refuse_unknown(request: Request, known: set[str]) -> None:
    """Refuse parameters that the address does not know, that come twice or say nothing."""
    wrong: dict[str, str] = {}
    for name, values in request.query_params.lists():
        if name not in known:
            wrong[name] = _("There is no such parameter.")
        elif len(values) > 1:
            wrong[name] = _("This parameter comes more than once.")
        elif not values[0]:
            wrong[name] = _("This parameter is empty. Leave it out.")
    if wrong:
        raise InvalidQuery(wrong)


def known_to(filterset: Any) -> set[str]:
    """Return the parameters that a list takes."""
    return {*PARAMETERS, *(filterset.base_filters if filterset else ())}

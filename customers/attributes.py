"""Attributes of the business's own: defined by an admin, their values dated facts of each customer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.core.validators import slug_re
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from customers import addresses, in_use, writing
from customers.ground import audit
from customers.ground.errors import Refused
from customers.models import Attribute, AttributeValue, Customer, User

Choice = tuple[str, str, str]
"""Code, English, Chinese."""
Kind = Attribute.Kind
MOST_CHOICES = 200
MOST_NUMBER = Decimal(10) ** 11
"""Numbers stay below it, as in files, so that their ten-thousandths are exact on every database."""
COLUMN = {Kind.NUMBER: "number", Kind.CHOICE: "choice", Kind.DATE: "day", Kind.TEXT: "text"}
_EMPTY: dict[str, Any] = {"number": None, "choice": "", "day": None, "text": ""}


class AttributeTaken(Refused):
    code = "attribute_taken"
    message = _("There is an attribute “%(name)s” already.")


class AttributeCodeRefused(Refused):
    code = "attribute_code"
    message = _("A code has letters, digits, - and _ only, at most 64 of them.")


class NoChoices(Refused):
    code = "no_choices"
    message = _("A choice needs at least one line to choose from, and each code once.")


class ChoiceInUse(Refused):
    code = "choice_in_use"
    message = _("“%(name)s” stands in the files of customers. It can be renamed, but not taken away.")


class AttributeRetired(Refused):
    code = "attribute_retired"
    message = _("“%(name)s” is retired: its values stay, but no new ones are entered.")


class WrongValue(Refused):
    code = "wrong_attribute_value"
    message = _("“%(value)s” is no value of the attribute “%(name)s”.")


class OlderThanValue(Refused):
    code = "older_than_value"
    message = _("The value that stands counts from a later day. Choose a later one.")


# --- Definitions -------------------------------------------------------------------------------
def define_attribute(
    *,
    code: str,
    kind: str,
    label_en: str,
    label_zh: str,
    choices: Sequence[Choice] = (),
    by: User | None,
    at: datetime,
) -> Attribute:
    """Define an attribute.

    Raises :class:`AttributeTaken`, :class:`AttributeCodeRefused` and :class:`NoChoices`. Side effects:
    audit ``attribute.define``.
    """
    if not slug_re.match(code) or len(code) > 64:
        raise AttributeCodeRefused()
    listed = _choices(choices) if kind == Kind.CHOICE else {"choices": [], "choice_labels": {}}
    try:
        with transaction.atomic():
            made = Attribute.objects.create(
                code=code, kind=Kind(kind), label_en=label_en, label_zh=label_zh, **listed
            )
            audit.record("attribute.define", obj=made, by=by, at=at, codes={"code": code, "kind": kind})
    except IntegrityError as error:
        raise AttributeTaken(name=code) from error
    return made


def change_attribute(
    attribute: Attribute,
    *,
    label_en: str,
    label_zh: str,
    choices: Sequence[Choice] = (),
    by: User | None,
    at: datetime,
) -> Attribute:
    """Change the names of an attribute and what there is to choose; its kind stays.

    Raises :class:`NoChoices` and :class:`ChoiceInUse`. Side effects: audit ``attribute.change``.
    """
    values: dict[str, Any] = {"label_en": label_en, "label_zh": label_zh}
    if attribute.kind == Kind.CHOICE:
        values |= _choices(choices)
    with transaction.atomic():
        list(Attribute.objects.select_for_update().filter(pk=attribute.pk).values_list("pk"))
        gone = set(attribute.choices) - set(values.get("choices", attribute.choices))
        used = AttributeValue.objects.filter(attribute=attribute, void=False, choice__in=gone)
        if gone and (name := used.values_list("choice", flat=True).first()):
            raise ChoiceInUse(name=name)
        changed = [name for name, value in values.items() if getattr(attribute, name) != value]
        if changed:
            for name in changed:
                setattr(attribute, name, values[name])
            attribute.save(update_fields=changed)
            audit.record("attribute.change", obj=attribute, by=by, at=at, codes={"fields": changed})
    return attribute


def retire_attribute(attribute: Attribute, *, is_retired: bool, by: User | None, at: datetime) -> Attribute:
    """Ask for an attribute no more, or again; its values stay.

    Raises ``StillRead`` when measures of the company's own read it. Side effects: audit ``attribute.retire``.
    """
    if (attribute.retired_at is not None) == is_retired:
        return attribute
    with transaction.atomic():
        list(Attribute.objects.select_for_update().filter(pk=attribute.pk).values_list("pk"))
        if is_retired:
            in_use.refuse_if_read(attribute)
        attribute.retired_at = at if is_retired else None
        attribute.save(update_fields=["retired_at"])
        audit.record("attribute.retire", obj=attribute, by=by, at=at, codes={"retired": is_retired})
    return attribute


def _choices(choices: Sequence[Choice]) -> dict[str, Any]:
    codes = [code for code, _english, _chinese in choices]
    if not codes or len(codes) > MOST_CHOICES or len(set(codes)) < len(codes) or not all(codes):
        raise NoChoices()
    named = {code: [english or code, chinese or english or code] for code, english, chinese in choices}
    return {"choices": codes, "choice_labels": named}


# --- Values ------------------------------------------------------------------------------------
def set_value(
    customer: Customer,
    attribute: Attribute,
    value: Decimal | date | str | None,
    *,
    since: date | None = None,
    by: User | None,
    at: datetime,
) -> AttributeValue | None:
    """Note what an attribute is worth for a customer from a day on; ``None`` or empty: unknown.

    Returns ``None`` when that stands already. Raises :class:`AttributeRetired`, :class:`WrongValue`,
    :class:`OlderThanValue` and ``InTheFuture``. Side effects: an ``AttributeValue``, audit
    ``attribute.set``.
    """
    if attribute.retired_at is not None:
        raise AttributeRetired(name=str(attribute))
    columns = columns_of(attribute, value)
    with transaction.atomic():
        list(Customer.objects.select_for_update(no_key=True).filter(pk=customer.pk).values_list("pk"))
        newest = current_values([customer.pk], attribute=attribute).get((customer.pk, attribute.pk))
        was = {name: getattr(newest, name) for name in _EMPTY} if newest else _EMPTY
        if was == columns:
            return None
        moment = addresses.moment_of(since, at=at)
        if newest is not None and moment <= newest.occurred_at:
            if since is not None:
                raise OlderThanValue()
            moment = at
        made = writing.write(
            AttributeValue,
            customer_id=customer.pk,
            when=writing.Moments(moment, at),
            attribute=attribute,
            **columns,
        )
        codes = {"attribute": attribute.code}
        audit.record("attribute.set", obj=made, by=by, at=at, customer_id=customer.pk, codes=codes)
    return made


def columns_of(attribute: Attribute, value: Decimal | date | str | None) -> dict[str, Any]:
    """Return the columns of a value; raise :class:`WrongValue` when it is none of this attribute."""
    if value is None or value == "":
        return dict(_EMPTY)
    wrong = WrongValue(value=str(value)[:64], name=str(attribute))
    match attribute.kind:
        case Kind.NUMBER if isinstance(value, Decimal) and abs(value) < MOST_NUMBER:
            return {**_EMPTY, "number": value.quantize(Decimal("0.0001"))}
        case Kind.DATE if isinstance(value, date):
            return {**_EMPTY, "day": value.toordinal()}
        case Kind.CHOICE if value in attribute.choices:
            return {**_EMPTY, "choice": value}
        case Kind.TEXT if isinstance(value, str) and len(value) <= 500:
            return {**_EMPTY, "text": value}
    raise wrong


def current_values(
    customer_ids: Sequence[int], *, attribute: Attribute | None = None
) -> dict[tuple[int, int], AttributeValue]:
    """Return the newest value of each customer and attribute."""
    rows = AttributeValue.objects.filter(customer_id__in=customer_ids, void=False)
    if attribute is not None:
        rows = rows.filter(attribute=attribute)
    return {(row.customer_id, row.attribute_id): row for row in rows.order_by("occurred_at", "pk")}

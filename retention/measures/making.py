"""Making, renaming and retiring own measures; what one counts never changes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.validators import slug_re
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from customers.ground import audit
from customers.ground.errors import Refused
from customers.ground.models import Company
from customers.models import Attribute, Indicator, User
from retention.measures.own import WAYS
from retention.measures.registry import every
from retention.models.own import OwnMeasure, Way

MOST = 50
LONGEST = 730
"""Days that a way may look back at most."""


class OwnMeasureTaken(Refused):
    code = "own_measure_taken"
    message = _("There is a measure “%(name)s” already. Choose another one.")


class OwnMeasureCode(Refused):
    code = "own_measure_code"
    message = _("A code has letters without accents, digits, - and _ only, at most 32 of them.")


class TooManyOwnMeasures(Refused):
    code = "own_measures_full"
    message = _("There are %(most)s own measures already. Retire one that nobody needs first.")


class WayDoesNotFit(Refused):
    code = "own_measure_way"
    message = _("“%(way)s” cannot be made of “%(of)s”. Choose another way.")


class OwnMeasureIncomplete(Refused):
    code = "own_measure_incomplete"
    message = _(
        "Choose one attribute or one indicator, days from 1 to %(most)s where the way asks for them, "
        "and a choice that there is where it asks for one."
    )


class SourceRetired(Refused):
    code = "own_measure_source"
    message = _("“%(of)s” is retired: it gets no new values. Take it up again first, or choose another one.")


def make(
    *,
    code: str,
    label_en: str,
    label_zh: str,
    way: str,
    attribute: Attribute | None = None,
    indicator: Indicator | None = None,
    days: int | None = None,
    choice: str = "",
    by: User | None,
    at: datetime,
) -> OwnMeasure:
    """Make a measure over an attribute or an indicator. Audit ``own_measure.make``.

    Days and choice are kept only where the way asks for them. Raises :class:`OwnMeasureCode`,
    :class:`OwnMeasureTaken`, :class:`TooManyOwnMeasures`, :class:`WayDoesNotFit`,
    :class:`OwnMeasureIncomplete` and :class:`SourceRetired`.
    """
    if not slug_re.match(code) or len(code) > 32:
        raise OwnMeasureCode()
    kind = WAYS[Way(way)]
    with transaction.atomic():
        _one_at_a_time()
        attribute, indicator = _as_they_stand(attribute, indicator)
        _refuse_what_does_not_fit(Way(way), attribute, indicator, days, choice)
        _refuse_more()
        if OwnMeasure.objects.filter(code=code).exists():
            raise OwnMeasureTaken(name=code)
        _refuse_names(label_en, label_zh)
        made = OwnMeasure.objects.create(
            code=code,
            label_en=label_en,
            label_zh=label_zh,
            way=Way(way),
            attribute=attribute,
            indicator=indicator,
            days=days if kind.needs_days else None,
            choice=choice if kind.needs_choice else "",
            made_at=at,
            made_by=by,
        )
        audit.record("own_measure.make", obj=made, by=by, at=at, codes={"code": code, "way": way})
    return made


def rename(own: OwnMeasure, *, label_en: str, label_zh: str, by: User | None, at: datetime) -> OwnMeasure:
    """Give an own measure other names. Raises :class:`OwnMeasureTaken`. Audit ``own_measure.rename``."""
    with transaction.atomic():
        _one_at_a_time()
        own = OwnMeasure.objects.select_for_update().get(pk=own.pk)
        if (own.label_en, own.label_zh) != (label_en, label_zh):
            _refuse_names(label_en, label_zh, but=own)
            own.label_en, own.label_zh = label_en, label_zh
            own.save(update_fields=["label_en", "label_zh"])
            audit.record("own_measure.rename", obj=own, by=by, at=at, codes={"code": own.code})
    return own


def retire(own: OwnMeasure, *, is_retired: bool, by: User | None, at: datetime) -> OwnMeasure:
    """Retire an own measure, or take it up again. Audit ``own_measure.retire``.

    Conditions that name a retired one are set aside and reported, until it is taken up again. Raises
    :class:`TooManyOwnMeasures`, and :class:`SourceRetired` while what it reads is retired.
    """
    with transaction.atomic():
        _one_at_a_time()
        own = OwnMeasure.objects.select_for_update().get(pk=own.pk)
        if (own.retired_at is not None) == is_retired:
            return own
        if not is_retired:
            source = _as_they_stand(own.attribute, own.indicator)
            _refuse_what_does_not_fit(Way(own.way), *source, own.days, own.choice)
            _refuse_more()
        own.retired_at = at if is_retired else None
        own.save(update_fields=["retired_at"])
        audit.record(
            "own_measure.retire", obj=own, by=by, at=at, codes={"code": own.code, "retired": is_retired}
        )
    return own


def users_of(source: Attribute | Indicator) -> list[str]:
    """Return the names of the own measures, retired ones left out, that read an attribute or indicator."""
    name = "attribute" if isinstance(source, Attribute) else "indicator"
    return [str(own) for own in OwnMeasure.objects.filter(retired_at=None, **{name: source})]


def _one_at_a_time() -> None:
    """Let nobody else make or name one until the end: names and their number are compared."""
    list(Company.objects.select_for_update().values_list("pk"))


def _as_they_stand(
    attribute: Attribute | None, indicator: Indicator | None
) -> tuple[Attribute | None, Indicator | None]:
    """Return both anew, and let nobody retire or change them until the end."""
    if attribute is not None:
        attribute = Attribute.objects.select_for_update(no_key=True).get(pk=attribute.pk)
    if indicator is not None:
        indicator = Indicator.objects.select_for_update(no_key=True).get(pk=indicator.pk)
    return attribute, indicator


def _refuse_more() -> None:
    if OwnMeasure.objects.filter(retired_at=None).count() >= MOST:
        raise TooManyOwnMeasures(most=MOST)


def _refuse_names(label_en: str, label_zh: str, *, but: OwnMeasure | None = None) -> None:
    """Refuse a name that another measure bears in its language, whatever its letters' case."""
    others = OwnMeasure.objects.exclude(pk=but.pk if but else None)
    for name, language in ((label_en, "en"), (label_zh, "zh-hans")):
        column = "label_en" if language == "en" else "label_zh"
        with translation.override(language):
            built_in = {str(measure.label).casefold() for measure in every().values()}
        taken = others.filter(**{f"{column}__iexact": name}).exists()
        if name.casefold() in built_in or taken:
            raise OwnMeasureTaken(name=name)


def _refuse_what_does_not_fit(
    way: Way, attribute: Attribute | None, indicator: Indicator | None, days: int | None, choice: str
) -> None:
    kind = WAYS[way]
    source: Any = attribute or indicator
    if (attribute is None) == (indicator is None):
        raise OwnMeasureIncomplete(most=LONGEST)
    if kind.of != ("indicator" if attribute is None else attribute.kind):
        raise WayDoesNotFit(way=way.label, of=str(source))
    if kind.needs_days and not 1 <= (days or 0) <= LONGEST:
        raise OwnMeasureIncomplete(most=LONGEST)
    if kind.needs_choice and (attribute is None or choice not in attribute.choices):
        raise OwnMeasureIncomplete(most=LONGEST)
    if source.is_retired if attribute is None else source.retired_at is not None:
        raise SourceRetired(of=str(source))

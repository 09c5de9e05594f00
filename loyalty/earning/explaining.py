"""Why an entry moved so many points, as sentences: read from the ids, codes and numbers of its ``detail``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from customers.ground import money
from loyalty.earning import documents
from loyalty.earning.evaluate import HALF_UP, WHOLE_BP
from loyalty.models import EarningRule, PointsEntry, Programme, Tier

_AT_MOST: dict[str, str | Promise] = {
    "order": gettext_lazy("%(cut)s fewer, because at most %(most)s are earned by an order (“%(rule)s”)"),
    "day": gettext_lazy("%(cut)s fewer, because at most %(most)s are earned in a day (“%(rule)s”)"),
    "month": gettext_lazy("%(cut)s fewer, because at most %(most)s are earned in a month (“%(rule)s”)"),
    "year": gettext_lazy("%(cut)s fewer, because at most %(most)s are earned in a year (“%(rule)s”)"),
}
_EVENTS: dict[str, str | Promise] = {
    **documents.EVENTS,
    "referral": gettext_lazy("a customer came by this customer's referral code"),
    "referred": gettext_lazy("came by another customer's referral code"),
}


_COUNTED = ("got", "cut", "most", "items", "points")
"""Numbers of a part of an explanation that are written with commas between thousands."""


def grouped(number: Any) -> str:
    """Write a number, also one that is stored as text, with commas between thousands; ``1/3`` stays."""
    try:
        return f"{Decimal(str(number)):,}"
    except InvalidOperation:
        return str(number)


def name_in(language: str, name: str, name_alt: str) -> str:
    """Return the one of two names that is written in a language, Chinese or another."""
    if not name_alt:
        return name
    is_chinese = any("\u4e00" <= letter <= "\u9fff" for letter in name)
    return name if is_chinese == language.startswith("zh") else name_alt


class Explainer:
    """Explains entries of one programme in the language in use; reads the names of rules and tiers once."""

    def __init__(self, programme: Programme) -> None:
        self.currency = programme.currency
        self.language = get_language() or "en"
        self.rules = {
            pk: name_in(self.language, name, name_alt)
            for pk, name, name_alt in EarningRule.objects.filter(programme=programme).values_list(
                "pk", "name", "name_alt"
            )
        }
        self.tiers = {
            code: name_in(self.language, name, name_alt)
            for code, name, name_alt in Tier.objects.filter(programme=programme).values_list(
                "code", "name", "name_alt"
            )
        }

    def summary(self, detail: Mapping[str, Any]) -> str:
        """Return one line: "208 points: ¥52 × 4 = 208 (“Spend”)"."""
        points = int(detail.get("points", 0))
        head = ngettext("%(points)s point", "%(points)s points", points) % {"points": f"{points:,}"}
        why = self.sentences(detail)
        if not why:
            return head
        return _("%(head)s: %(why)s") % {"head": head, "why": _("; ").join(why)}

    def sentences(self, detail: Mapping[str, Any]) -> list[str]:
        """Return the reasons one by one; none for what no rule earned."""
        found = []
        if "event" in detail:
            found.append(str(_EVENTS.get(detail["event"], detail["event"])))
        found += [self._part(part) for part in detail.get("parts", ())]
        exact, points = detail.get("exact"), detail.get("points")
        if exact is not None and str(points) != exact:
            text = (
                _("%(exact)s rounded to %(points)s")
                if detail.get("rounding") == HALF_UP
                else _("%(exact)s rounded down to %(points)s")
            )
            found.append(text % {"exact": grouped(exact), "points": grouped(points)})
        if detail.get("moved"):
            found.append(_("the order belongs to another customer"))
        elif "was" in detail and "now" in detail:
            text = (
                _("goods came back: the order keeps %(now)s of %(was)s points")
                if detail.get("returns")
                else _("the order brings %(now)s points instead of %(was)s")
            )
            found.append(text % {"now": grouped(detail["now"]), "was": grouped(detail["was"])})
        if detail.get("short"):
            found.append(_("%(short)s points were spent and stay") % {"short": f"{int(detail['short']):,}"})
        if detail.get("rest"):
            found.append(_("they were spent when the goods came back, and are taken from others now"))
        return found

    def _part(self, part: Mapping[str, Any]) -> str:
        kind = part["kind"]
        rule = self.rules.get(part["rule"], f"#{part['rule']}")
        values = {**part, "rule": rule}
        values |= {name: grouped(part[name]) for name in _COUNTED if name in part}
        if "base" in part:
            values["money"] = self._money(part["base"])
        if kind == documents.AMOUNT:
            values["formula"] = self._formula(part)
            return _("%(formula)s = %(got)s (“%(rule)s”)") % values
        if kind == documents.ITEM:
            return _("%(items)s items × %(points)s = %(got)s (“%(rule)s”)") % values
        if kind == documents.EXCLUSION:
            return _("%(money)s earned nothing (“%(rule)s”)") % values
        if kind == documents.MINIMUM:
            values["least"] = self._given(part["amount"])
            return _("%(money)s is below the minimum of %(least)s (“%(rule)s”)") % values
        if kind == documents.FIRST_ORDER:
            return _("%(got)s for the first order (“%(rule)s”)") % values
        if kind == documents.CAP:
            return str(_AT_MOST[part["period"]]) % values
        return _("%(got)s by “%(rule)s”") % values

    def _formula(self, part: Mapping[str, Any]) -> str:
        left = self._money(part["base"])
        if part["per"] != "1":
            left = f"{left} ÷ {self._given(part['per'])}"
        factors = [grouped(part["points"])]
        for rule, _version, times in part.get("times", ()):
            factors.append(
                _("%(times)s (“%(rule)s”)") % {"times": times, "rule": self.rules.get(rule, f"#{rule}")}
            )
        if "tier_bp" in part:
            times = f"{part['tier_bp'] / WHOLE_BP:g}"
            tier = self.tiers.get(part["tier"], part["tier"])
            factors.append(_("%(times)s (tier %(tier)s)") % {"times": times, "tier": tier})
        return " × ".join([left, *factors])

    def _money(self, minor: int) -> str:
        return money.format_money(minor, self.currency, self.language)

    def _given(self, amount: str) -> str:
        return self._money(money.to_minor(amount, self.currency))


def explained(entries: Iterable[PointsEntry], programme: Programme) -> dict[int, list[str]]:
    """Return the sentences of many entries by their ids, in two questions to the database."""
    explainer = Explainer(programme)
    return {entry.pk: explainer.sentences(entry.detail) for entry in entries}

"""The simulator: what a basket would earn and why, and what the orders of the past year would have."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import F
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_safe

from customers import company
from customers.access import allow
from customers.ground import clock, money
from customers.models import Order, Product
from loyalty.earning import evaluate, rules, simulate
from loyalty.earning.explaining import Explainer
from loyalty.models import EarningRule, EarningRuleVersion, Programme
from loyalty.naming import called
from loyalty.pages.fields import DayField
from loyalty.pages.frame import running, show
from loyalty.pages.roles import SEES_FIGURES, SEES_LOYALTY

LINES = 4
MOST_ORDERS = 100_000
"""So many orders one page counts; of a company with more, the last days with so many."""

MOST = Decimal(10) ** 9
LEAST = Decimal("0.0001")
UNKNOWN = gettext_lazy(
    "No product has the code or name “%(word)s”. Write one exactly as it stands in the list of products, or "
    "leave it empty and give only the label."
)


class LineForm(forms.Form):
    """One line of the basket."""

    product = forms.CharField(label=gettext_lazy("Product: code or name"), required=False, max_length=200)
    label = forms.CharField(label=pgettext_lazy("of goods", "Label"), required=False, max_length=64)
    quantity = forms.DecimalField(
        label=gettext_lazy("Quantity"),
        required=False,
        min_value=LEAST,
        max_value=MOST,
        max_digits=14,
        decimal_places=4,
        widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
        error_messages={"min_value": gettext_lazy("Write a quantity above zero, or leave it empty for one.")},
    )
    amount = forms.DecimalField(
        label=gettext_lazy("Amount of the line"),
        required=False,
        min_value=-MOST,
        max_value=MOST,
        max_digits=14,
        decimal_places=4,
        widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
    )


class AboutForm(forms.Form):
    """Who buys and when, and which rules are tried."""

    day = DayField(label=gettext_lazy("Day of the order"), required=False)
    tier = forms.ChoiceField(label=gettext_lazy("Tier of the customer"), required=False)
    birthday = forms.ChoiceField(
        label=gettext_lazy("Birthday"),
        required=False,
        choices=[
            ("", gettext_lazy("not near")),
            ("month", gettext_lazy("in this month")),
            ("day", gettext_lazy("on this day")),
        ],
    )
    is_first = forms.BooleanField(label=gettext_lazy("It is the first order"), required=False)
    rule = forms.TypedMultipleChoiceField(
        label=gettext_lazy("Rules that are tried"),
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, programme: Programme, known: list[EarningRule], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tiers = {str(tier.pk): tier for tier in programme.tiers.filter(is_retired=False)}
        named = [(pk, called(tier)) for pk, tier in self.tiers.items()]
        self.fields["tier"].choices = [("", _("none")), *named]  # type: ignore[attr-defined]
        self.fields["rule"].choices = [(rule.pk, called(rule)) for rule in known]  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Earned:
    """What the basket earns, and the lines that say why."""

    points: int
    because: list[str]


@dataclass(frozen=True)
class Year:
    """What the orders of the past year would have earned: of how many days, and by which rules."""

    found: simulate.Simulation
    days: int
    by_rule: list[tuple[str, int]]


@require_safe
@allow(*SEES_LOYALTY)
def rule_simulator(request: HttpRequest) -> HttpResponse:
    """Say what a basket would earn (everything stands in the address, nothing is written)."""
    programme = running()
    if programme is None:
        return redirect("loyalty:overview")
    known = list(EarningRule.objects.filter(programme=programme))
    is_asked = "go" in request.GET
    lines = _lines(request.GET, is_asked=is_asked)
    standing = [rule.pk for rule in known if rule.is_on]
    about = AboutForm(
        request.GET if is_asked else None, programme=programme, known=known, initial={"rule": standing}
    )
    earned = None
    if is_asked and about.is_valid() and _all_valid(lines):
        wanted = [line for line in lines if line.cleaned_data.get("amount")]
        goods = _known(wanted)
        if _all_valid(wanted):
            earned = _earned(programme, known, about, wanted, goods)
    year = None
    if "year" in request.GET and about.is_valid() and request.user.role in SEES_FIGURES:  # type: ignore[union-attr]
        year = _year(programme, known, about)
    context = {
        "year": year,
        "lines": lines,
        "about": about,
        "earned": earned,
        "nothing": is_asked
        and earned is None
        and not about.errors
        and not any(line.errors for line in lines),
    }
    status = 422 if about.errors or any(line.errors for line in lines) else 200
    return show(request, "simulator.html", "rule_list", context, programme=programme, status=status)


def _all_valid(lines: list[LineForm]) -> bool:
    """Say whether every line is good; all are looked at, so that each shows its errors."""
    good = [line.is_valid() for line in lines]
    return all(good)


def _lines(data: QueryDict, *, is_asked: bool) -> list[LineForm]:
    """Return the lines of the basket as they were typed; first an example."""
    example: dict[str, Any] = {"quantity": 1, "amount": 100}
    return [
        LineForm(
            data if is_asked else None,
            prefix=f"l{place}",
            auto_id="%s",
            initial=example if place == 0 else {},
        )
        for place in range(LINES)
    ]


def _earned(
    programme: Programme,
    known: list[EarningRule],
    about: AboutForm,
    lines: list[LineForm],
    goods: dict[str, Product],
) -> Earned | None:
    if not lines:
        return None
    said = about.cleaned_data
    chosen = set(said["rule"])
    tried = [one for one in _newest(known) if one.id in chosen]
    tier = about.tiers.get(said["tier"])
    birthday = {"day": {"day", "month"}, "month": {"month"}}.get(said["birthday"], set())
    basket = evaluate.Basket(
        evaluate.net_goods(_basket(lines, goods, programme.currency)).goods,
        day=said["day"] or company.today(clock.now()).number,
        is_first=said["is_first"],
        tier=tier.code if tier else "",
        tier_bp=tier.multiplier_bp if tier else evaluate.WHOLE_BP,
        birthday=frozenset(birthday),
    )
    outcome = evaluate.evaluate(basket, rules.ready(tried, programme))
    return Earned(outcome.points, Explainer(programme).sentences(outcome.detail()))


def _year(programme: Programme, known: list[EarningRule], about: AboutForm) -> Year:
    """Return what the orders of the past year would have earned by the rules that are tried."""
    at = clock.now()
    today = company.today(at).number
    of_a_year = Order.objects.filter(occurred_day__range=(today - simulate.DAYS + 1, today), void=False)
    number = of_a_year.count()
    days = simulate.DAYS if number <= MOST_ORDERS else max(simulate.DAYS * MOST_ORDERS // number, 1)
    chosen = set(about.cleaned_data["rule"])
    tried = [one for one in _newest(known) if one.id in chosen]
    found = simulate.simulate_year(programme, rules=rules.ready(tried, programme), at=at, days=days)
    names = {rule.pk: called(rule) for rule in known}
    by_rule = sorted(found.by_rule.items(), key=lambda row: -row[1])
    return Year(found, days, [(names[rule], points) for rule, points in by_rule])


def _newest(known: list[EarningRule]) -> list[evaluate.Rule]:
    """Return the newest versions of rules, on or off, in their order; one query."""
    rows = EarningRuleVersion.objects.filter(rule__in=known, number=F("rule__version"))
    found = {row.rule_id: row for row in rows}
    return [
        evaluate.Rule(rule.pk, row.number, row.document)
        for rule in known
        if (row := found.get(rule.pk)) is not None
    ]


def _known(lines: list[LineForm]) -> dict[str, Product]:
    """Return the products of the lines by what was typed; a line that names none of them says so."""
    typed = {line.cleaned_data["product"].strip() for line in lines} - {""}
    by_word: dict[str, Product] = {}
    for product in Product.objects.filter(code__in=typed) | Product.objects.filter(name__in=typed):
        by_word |= {product.name: product, product.code: product}
    for line in lines:
        word = line.cleaned_data["product"].strip()
        if word and word not in by_word:
            line.add_error("product", UNKNOWN % {"word": word})
    return by_word


def _basket(lines: list[LineForm], goods: dict[str, Product], currency: str) -> list[evaluate.Line]:
    """Return the lines as an order has them; a product brings its code and its label."""
    found = []
    for number, line in enumerate(lines, start=1):
        data = line.cleaned_data
        product = goods.get(data["product"].strip())
        found.append(
            evaluate.Line(
                number,
                product.code if product else "",
                data["label"].strip() or (product.category if product else ""),
                data["quantity"] or Decimal(1),
                money.to_minor(data["amount"], currency),
            )
        )
    return found

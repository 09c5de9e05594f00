"""Tiers: their list, one with what it brings, and the memberships that are sold."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers.access import allow
from customers.ground import clock
from loyalty.models import MembershipPlan, PointsAccount, Programme, Tier, TierBenefit
from loyalty.pages.fields import MoneyField, free_code, number_field, points_field, text_field
from loyalty.pages.frame import act_on, press, running, show
from loyalty.pages.roles import SEES_FIGURES, SEES_LOYALTY, SETS_UP
from loyalty.pages.sent import SeenForm, make_once, one_line
from loyalty.tiers import editing, membership

_ALT = gettext_lazy("Name in the other language")


class TierForm(SeenForm):
    """What a tier is called, where it begins and what it multiplies."""

    REFUSALS = {
        "tier_name": "name",
        "tier_threshold_taken": "threshold",
        "tier_threshold": "threshold",
        "tier_multiplier": "percent",
    }
    SHOWS = ("name", "name_alt", "threshold", "multiplier_bp")

    name = text_field(pgettext_lazy("of a tier", "Name"), 60)
    name_alt = text_field(_ALT, 60, required=False)
    percent = forms.DecimalField(
        label=gettext_lazy("Points earned, in %"),
        min_value=0,
        max_value=10_000,
        decimal_places=2,
        help_text=gettext_lazy("100 as everybody, 150 half as many again. It counts for points by amount."),
    )

    def __init__(self, *args: Any, programme: Programme, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        label, hint = (
            gettext_lazy("Reached from"),
            gettext_lazy("Whoever has exactly this much is in the tier."),
        )
        if programme.tier_basis == Programme.Basis.SPEND:
            self.fields["threshold"] = MoneyField(label=label, currency=programme.currency, help_text=hint)
        else:
            self.fields["threshold"] = points_field(label, help_text=hint)
        self.order_fields(["name", "name_alt", "threshold", "percent"])

    def values(self) -> dict[str, Any]:
        """Return what the verbs take."""
        data = {name: value for name, value in self.cleaned_data.items() if name != "seen"}
        data["multiplier_bp"] = int(data.pop("percent") * 100)
        return data


class BenefitForm(SeenForm):
    """One thing that a tier brings."""

    REFUSALS = {"tier_name": "name", "benefit_a_year": "a_year"}
    SHOWS = ("name", "name_alt", "kind", "a_year")

    name = text_field(pgettext_lazy("of a benefit", "What it is"), 120)
    name_alt = text_field(gettext_lazy("The same in the other language"), 120, required=False)
    kind = forms.ChoiceField(label=pgettext_lazy("of a benefit", "Kind"), choices=TierBenefit.Kind.choices)
    a_year = number_field(
        gettext_lazy("Times a year"),
        least=1,
        most=editing.MOST_A_YEAR,
        required=False,
        help_text=gettext_lazy(
            "For services that are counted, like two trainings a year. Empty: not counted."
        ),
    )


class PlanForm(SeenForm):
    """A membership that is sold."""

    REFUSALS = {
        "plan_name": "name",
        "plan_price": "price",
        "plan_months": "months",
        "plan_tier": "tier",
    }
    SHOWS = ("name", "name_alt", "price", "months", "tier", "is_on")

    name = text_field(pgettext_lazy("of a plan", "Name"), 100)
    name_alt = text_field(_ALT, 100, required=False)
    months = number_field(gettext_lazy("Months"), least=1, most=membership.MOST_MONTHS)
    tier: Any = forms.ModelChoiceField(
        label=gettext_lazy("Holds the tier"),
        queryset=None,
        required=False,
        empty_label=gettext_lazy("none"),
        help_text=gettext_lazy("While it runs, the member does not fall below it."),
    )
    is_on = forms.BooleanField(label=gettext_lazy("It is sold"), required=False, initial=True)

    def __init__(
        self, *args: Any, programme: Programme, plan: MembershipPlan | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, row=plan, **kwargs)
        tiers: forms.ModelChoiceField = self.fields["tier"]  # type: ignore[assignment]
        tiers.queryset = programme.tiers.filter(
            Q(is_retired=False) | Q(pk=plan.tier_id if plan is not None else None)
        )  # its own also when it was retired: the verb asks for another one
        currency = programme.currency if plan is None else plan.currency
        self.fields["price"] = MoneyField(label=gettext_lazy("Price"), currency=currency, help_text=currency)
        self.order_fields(["name", "name_alt", "price", "months", "tier", "is_on"])
        if plan is None:
            del self.fields["is_on"]


@require_safe
@allow(*SEES_LOYALTY)
def tier_list(request: HttpRequest) -> HttpResponse:
    """List the tiers from the lowest up, with what they bring, and the memberships."""
    programme = running()
    if programme is None:
        return redirect("loyalty:overview")
    rows = list(programme.tiers.filter(is_retired=False).prefetch_related("benefits"))
    counts: dict[int | None, int] = {}
    if request.user.role in SEES_FIGURES:  # type: ignore[union-attr]
        there: Any = PointsAccount.objects.present()  # type: ignore[attr-defined]
        held = there.filter(programme=programme).order_by()
        counts = dict(held.values_list("tier").annotate(Count("pk")))
    context = {
        "tiers": [
            (tier, [one for one in tier.benefits.all() if not one.is_retired], counts.get(tier.pk, 0))
            for tier in rows
        ],
        "without": counts.get(None, 0),
        "plans": programme.plans.select_related("tier").order_by("-is_on", "pk"),
        "is_spend": programme.tier_basis == Programme.Basis.SPEND,
    }
    return show(request, "tiers.html", "tier_list", context, programme=programme)


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*SETS_UP)
def tier_new(request: HttpRequest) -> HttpResponse:
    """Make a tier."""
    programme = running()
    if programme is None:
        return redirect("loyalty:overview")
    form = TierForm(request.POST or None, programme=programme, initial={"percent": 100})
    made: list[Tier] = []

    def make(data: dict[str, Any]) -> None:
        code = free_code(data["name"], programme.tiers.values_list("code", flat=True), stem="tier")
        made.append(
            editing.create_tier(programme, code=code, **form.values(), by=request.user, at=clock.now())  # type: ignore[arg-type]
        )

    done = _("The tier is made. Accounts come into it in the next night, or when they next earn.")
    if request.method == "POST" and act_on(request, form, make, done=done):
        return redirect("loyalty:tier", pk=made[0].pk)
    return show(
        request,
        "tier_form.html",
        "tier_list",
        {"form": form},
        programme=programme,
        status=422 if form.errors else 200,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*SEES_LOYALTY)
def tier_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a tier and what it brings; an admin changes it here."""
    tier = _tier(pk)
    if request.method != "POST":
        return _page(request, tier)
    if request.user.role not in SETS_UP:  # type: ignore[union-attr]
        raise Http404
    form = TierForm(request.POST, programme=tier.programme, row=tier)
    who: dict[str, Any] = {"by": request.user, "at": clock.now()}
    if act_on(
        request,
        form,
        form.changing(lambda _data: editing.change_tier(tier, **form.values(), **who)),
        done=_("The tier is saved."),
    ):
        return redirect("loyalty:tier", pk=pk)
    return _page(request, tier, form=form)


@require_POST
@allow(*SETS_UP)
def tier_act(request: HttpRequest, pk: int, act: str) -> HttpResponse:
    """Retire a tier, or let it bring something more."""
    tier = _tier(pk)
    who: dict[str, Any] = {"by": request.user, "at": clock.now()}
    if act == "retire":
        done = _("The tier is retired. Who stands in it moves in the next night.")
        press(request, lambda: editing.retire_tier(tier, **who), done=done)
        return redirect("loyalty:tier_list")
    if act != "benefit":
        raise Http404
    form = BenefitForm(request.POST, auto_id="benefit_%s")

    def bring(data: dict[str, Any]) -> TierBenefit:
        twins = tier.benefits.filter(name=one_line(data["name"]), is_retired=False)
        return make_once(tier.programme, twins, lambda: editing.create_benefit(tier, **data, **who))

    if act_on(request, form, bring, done=_("It is brought now.")):
        return redirect("loyalty:tier", pk=pk)
    return _page(request, tier, benefit_form=form)


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*SETS_UP)
def tier_benefit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change one thing that a tier brings, or retire it (``act=retire``)."""
    benefit = get_object_or_404(
        TierBenefit.objects.select_related("tier__programme"), pk=pk, is_retired=False
    )
    who: dict[str, Any] = {"by": request.user, "at": clock.now()}
    if request.method == "POST" and request.POST.get("act") == "retire":
        done = _("It is brought no more. What was used stays in the history.")
        press(request, lambda: editing.retire_benefit(benefit, **who), done=done)
        return redirect("loyalty:tier", pk=benefit.tier_id)
    initial = {name: getattr(benefit, name) for name in ("name", "name_alt", "kind", "a_year")}
    form = BenefitForm(request.POST or None, initial=initial, row=benefit)
    change = form.changing(lambda data: editing.change_benefit(benefit, **data, **who))
    if request.method == "POST" and act_on(request, form, change, done=_("It is saved.")):
        return redirect("loyalty:tier", pk=benefit.tier_id)
    return show(
        request,
        "tier_benefit.html",
        "tier_list",
        {"form": form, "benefit": benefit},
        programme=benefit.tier.programme,
        status=422 if form.errors else 200,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*SETS_UP)
def plan_new(request: HttpRequest) -> HttpResponse:
    """Make a membership that is sold from now on."""
    programme = running()
    if programme is None:
        return redirect("loyalty:overview")
    form = PlanForm(request.POST or None, programme=programme, initial={"months": 12})

    def make(data: dict[str, Any]) -> MembershipPlan:
        code = free_code(data["name"], programme.plans.values_list("code", flat=True), stem="plan")
        who: dict[str, Any] = {"by": request.user, "at": clock.now()}
        twins = programme.plans.filter(name=one_line(data["name"]), is_on=True)
        return make_once(
            programme, twins, lambda: membership.create_plan(programme, code=code, **data, **who)
        )

    if request.method == "POST" and act_on(request, form, make, done=_("The membership can be sold now.")):
        return redirect("loyalty:tier_list")
    return _plan(request, programme, None, form)


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*SETS_UP)
def plan_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a membership, or stop selling it; what was sold stays."""
    plan = get_object_or_404(MembershipPlan.objects.select_related("programme"), pk=pk)
    names = ("name", "name_alt", "price", "months", "is_on")
    initial = {name: getattr(plan, name) for name in names} | {"tier": plan.tier_id}
    form = PlanForm(request.POST or None, programme=plan.programme, plan=plan, initial=initial)
    who: dict[str, Any] = {"by": request.user, "at": clock.now()}
    change = form.changing(lambda data: membership.change_plan(plan, **data, **who))
    done = _("It is saved. What was sold stays as it was.")
    if request.method == "POST" and act_on(request, form, change, done=done):
        return redirect("loyalty:tier_list")
    return _plan(request, plan.programme, plan, form)


def _plan(
    request: HttpRequest, programme: Programme, plan: MembershipPlan | None, form: PlanForm
) -> HttpResponse:
    context = {"form": form, "plan": plan}
    status = 422 if form.errors else 200
    return show(request, "plan_form.html", "tier_list", context, programme=programme, status=status)


def _tier(pk: int) -> Tier:
    return get_object_or_404(Tier.objects.select_related("programme"), pk=pk, is_retired=False)


def _page(request: HttpRequest, tier: Tier, **given: forms.Form) -> HttpResponse:
    initial = {name: getattr(tier, name) for name in ("name", "name_alt", "threshold")}
    initial["percent"] = Decimal(tier.multiplier_bp) / 100
    context: dict[str, Any] = {
        "tier": tier,
        "is_spend": tier.programme.tier_basis == Programme.Basis.SPEND,
        "benefits": tier.benefits.filter(is_retired=False),
        "form": TierForm(programme=tier.programme, row=tier, initial=initial),
        "benefit_form": BenefitForm(auto_id="benefit_%s"),
        **given,
    }
    status = 422 if given else 200
    return show(request, "tier.html", "tier_list", context, programme=tier.programme, status=status)

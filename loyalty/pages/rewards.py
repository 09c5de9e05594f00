"""Rewards: the catalogue, one reward with its stock or codes, and the form that writes one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers import company
from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from loyalty.models import Programme, Redemption, Reward
from loyalty.pages.fields import DayField, free_code, number_field, points_field, text_field
from loyalty.pages.frame import act_on, press, running, show
from loyalty.pages.roles import SEES_LOYALTY, SETS_UP
from loyalty.pages.sent import SeenForm, make_once
from loyalty.rewards import catalogue, codes

PAGE = 50
MOST_FILE = 2 * 1024 * 1024


class RewardForm(SeenForm):
    """What a reward is and who may have it."""

    REFUSALS = {
        "reward_name": "name",
        "reward_points": "points",
        "reward_days": "until_day",
        "reward_per_customer": "per_customer",
        "reward_tier": "tier",
        "reward_stock": "stock",
        "reward_stock_of_codes": "stock",
    }
    SHOWS = catalogue.SETTINGS

    name = text_field(pgettext_lazy("of a reward", "Name"), 120)
    name_alt = text_field(gettext_lazy("Name in the other language"), 120, required=False)
    description = text_field(gettext_lazy("Description"), 2000, rows=2, required=False)
    description_alt = text_field(
        gettext_lazy("Description in the other language"), 2000, rows=2, required=False
    )
    kind = forms.ChoiceField(
        label=pgettext_lazy("of a reward", "Kind"),
        choices=Reward.Kind.choices,
        help_text=gettext_lazy("A code is given out at once; goods and services are handed over by you."),
    )
    points = points_field(gettext_lazy("Price in points"), least=1)
    stock = number_field(
        gettext_lazy("In stock"),
        most=catalogue.MOST_STOCK,
        required=False,
        help_text=gettext_lazy("Empty: as many as wanted. Of codes: how many you upload afterwards."),
    )
    per_customer = number_field(
        gettext_lazy("Most a customer"),
        least=1,
        most=1000,
        required=False,
        help_text=gettext_lazy("Empty: as often as wanted."),
    )
    tier: Any = forms.ModelChoiceField(
        label=gettext_lazy("From tier"), queryset=None, required=False, empty_label=gettext_lazy("everybody")
    )
    from_day = DayField(label=gettext_lazy("Offered from"), required=False)
    until_day = DayField(label=gettext_lazy("Offered until"), required=False)

    def __init__(self, *args: Any, programme: Programme, reward: Reward | None = None, **kwargs: Any) -> None:
        super().__init__(*args, row=reward, **kwargs)
        tiers: forms.ModelChoiceField = self.fields["tier"]  # type: ignore[assignment]
        tiers.queryset = programme.tiers.filter(
            Q(is_retired=False) | Q(pk=reward.tier_id if reward is not None else None)
        )  # its own also when it was retired: left out, the reward would be everybody's
        if reward is not None:
            del self.fields["kind"], self.fields["stock"]


class StockChanged(Refused):
    code = "reward_stock_changed"
    message = gettext_lazy(
        "The stock changed since this page was shown: it is “%(stock)s” now. Nothing was added; press again "
        "if it still is to be."
    )


class StockForm(forms.Form):
    """How many come into stock, or leave it; ``stock`` is what was shown."""

    REFUSALS = dict.fromkeys(("reward_stock", "reward_stock_of_codes", "reward_stock_changed"), "count")

    stock = forms.CharField(
        widget=forms.HiddenInput(attrs={"autocomplete": "off"}), required=False, max_length=20
    )

    count = forms.IntegerField(
        label=gettext_lazy("Add to stock"),
        min_value=-catalogue.MOST_STOCK,
        max_value=catalogue.MOST_STOCK,
        help_text=gettext_lazy("Below zero takes away. A reward without a count is counted from now on."),
    )


class CodesForm(forms.Form):
    """Codes, typed or as a file."""

    REFUSALS = dict.fromkeys(
        ("codes_missing", "codes_too_many", "code_refused", "reward_has_no_codes"), "text"
    )

    text = text_field(
        gettext_lazy("Codes"), 400_000, rows=4, required=False, help_text=gettext_lazy("One a line.")
    )
    file = forms.FileField(
        label=gettext_lazy("or a CSV file"),
        required=False,
        help_text=gettext_lazy("The codes stand in its first column. Codes that are known are left alone."),
    )

    def clean(self) -> dict[str, Any]:
        """Return one text of both; a file that is too large, or is no text, is refused."""
        data = super().clean() or self.cleaned_data
        given = data.get("file")
        if given is not None and not self.errors:
            if given.size > MOST_FILE:
                self.add_error("file", _("The file is larger than 2 MB. Split it."))
                return data
            try:
                data["text"] = f"{given.read().decode('utf-8-sig')}\n{data.get('text', '')}"
            except UnicodeDecodeError:
                self.add_error("file", _("The file is no text in UTF-8. Save it as CSV UTF-8."))
        return data


@require_safe
@allow(*SEES_LOYALTY)
def reward_list(request: HttpRequest) -> HttpResponse:
    """List the rewards, those that are offered first, cheapest first."""
    programme = running()
    if programme is None:
        return redirect("loyalty:overview")
    rows = programme.rewards.select_related("tier").order_by("-is_on", "points", "pk")
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    taken = _taken([row.pk for row in page])
    context = {"page": page, "rows": [(row, taken.get(row.pk, 0)) for row in page]}
    return show(request, "rewards.html", "reward_list", context, programme=programme)


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*SETS_UP)
def reward_new(request: HttpRequest) -> HttpResponse:
    """Make a reward; it is offered when somebody says so."""
    programme = running()
    if programme is None:
        return redirect("loyalty:overview")
    form = RewardForm(request.POST or None, programme=programme)

    def make(data: dict[str, Any]) -> Reward:
        code = free_code(data["name"], programme.rewards.values_list("code", flat=True), stem="reward")
        who: dict[str, Any] = {"by": request.user, "at": clock.now()}
        # one that is not offered may be an old one: a twin of it costs the same
        same = Q(is_on=True) | Q(kind=data["kind"], points=data["points"])
        twins = programme.rewards.filter(same, name=data["name"])
        return make_once(
            programme, twins, lambda: catalogue.create_reward(programme, code=code, **data, **who)
        )

    made: list[Reward] = []
    if request.method == "POST" and act_on(
        request,
        form,
        lambda data: made.append(make(data)),
        done=_("The reward is made. Offer it when it is ready."),
    ):
        return redirect("loyalty:reward", pk=made[0].pk)
    status = 422 if form.errors else 200
    return show(
        request, "reward_form.html", "reward_list", {"form": form}, programme=programme, status=status
    )


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*SEES_LOYALTY)
def reward_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a reward; an admin changes it here."""
    reward = _reward(pk)
    if request.method != "POST":
        return _page(request, reward)
    if request.user.role not in SETS_UP:  # type: ignore[union-attr]
        raise Http404
    form = RewardForm(request.POST, programme=reward.programme, reward=reward)
    who: dict[str, Any] = {"by": request.user, "at": clock.now()}
    if act_on(
        request,
        form,
        form.changing(lambda data: catalogue.change_reward(reward, **data, **who)),
        done=_("The reward is saved. What was asked for before costs what it did."),
    ):
        return redirect("loyalty:reward", pk=pk)
    return _page(request, reward, form=form)


@require_POST
@allow(*SETS_UP)
def reward_act(request: HttpRequest, pk: int, act: str) -> HttpResponse:
    """Offer a reward or take it off, count its stock, or add codes."""
    reward = _reward(pk)
    who: dict[str, Any] = {"by": request.user, "at": clock.now()}
    if act == "offer":
        press(request, lambda: catalogue.offer_reward(reward, **who), done=_("It is offered now."))
    elif act == "retire":
        done = _("It is not offered any more. What was asked for stays.")
        press(request, lambda: catalogue.retire_reward(reward, **who), done=done)
    elif act == "uncount":
        done = _("There are as many as wanted now.")
        press(request, lambda: catalogue.stop_counting(reward, **who), done=done)
    elif act == "stock":
        form = StockForm(request.POST, auto_id="stock_%s")
        if not act_on(
            request,
            form,
            lambda data: _add_stock(reward, data, **who),
            done=lambda row: _("%(n)s are in stock now.") % {"n": f"{row.stock:,}"},
        ):
            reward.refresh_from_db()
            # what is shown now, and may be added to
            form.data = {**request.POST.dict(), "stock": _stock_shown(reward)}
            return _page(request, reward, stock_form=form)
    elif act == "codes":
        sent = CodesForm(request.POST, request.FILES, auto_id="codes_%s")
        if not act_on(
            request, sent, lambda data: codes.add_codes(reward, data["text"], **who), done=_told_of_codes
        ):
            return _page(request, reward, codes_form=sent)
    else:
        raise Http404
    return redirect("loyalty:reward", pk=pk)


def _add_stock(reward: Reward, data: dict[str, Any], *, by: Any, at: datetime) -> Reward:
    """Add to the stock that was shown; another one than that is refused."""
    with transaction.atomic():
        held = Reward.objects.select_for_update(no_key=True, of=("self",)).get(pk=reward.pk)
        if data["stock"] not in ("", _stock_shown(held)):
            counted = _("as many as wanted") if held.stock is None else f"{held.stock:,}"
            raise StockChanged(stock=counted)
        return catalogue.add_stock(reward, data["count"], by=by, at=at)


def _stock_shown(reward: Reward) -> str:
    return "none" if reward.stock is None else str(reward.stock)


def _told_of_codes(added: codes.Added) -> str:
    said = ngettext("%(n)s code was added.", "%(n)s codes were added.", added.new) % {"n": f"{added.new:,}"}
    known = len(added.known) + len(added.twice)
    if known:
        said += " " + ngettext(
            "%(n)s stood there already.", "%(n)s stood there already or twice in the text.", known
        ) % {"n": f"{known:,}"}
    return said


def _reward(pk: int) -> Reward:
    return get_object_or_404(Reward.objects.select_related("programme", "tier"), pk=pk)


def _page(request: HttpRequest, reward: Reward, **given: forms.Form) -> HttpResponse:
    initial = {name: getattr(reward, name) for name in catalogue.SETTINGS}
    initial["tier"] = reward.tier_id
    today = company.today(clock.now()).number
    context: dict[str, Any] = {
        "reward": reward,
        "taken": _taken([reward.pk]).get(reward.pk, 0),
        "is_over": reward.until_day is not None and reward.until_day < today,
        "form": RewardForm(programme=reward.programme, reward=reward, initial=initial),
        "stock_form": StockForm(auto_id="stock_%s", initial={"stock": _stock_shown(reward)}),
        "codes_form": CodesForm(auto_id="codes_%s"),
        **given,
    }
    status = 422 if given else 200
    return show(request, "reward.html", "reward_list", context, programme=reward.programme, status=status)


def _taken(ids: list[int]) -> dict[int, int]:
    """Return how often each reward was taken and not cancelled; one query."""
    rows = Redemption.objects.filter(~Q(state=Redemption.State.CANCELLED), reward__in=ids).order_by()
    return dict(rows.values_list("reward").annotate(Count("pk")))

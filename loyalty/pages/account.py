"""One account: what it holds and why, the tier with its benefits, and everything that is done by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST, require_safe

from customers import company, showing, stubs
from customers.access import allow
from customers.ground import clock, localtime
from customers.ground.numbers import whole
from customers.models import Customer
from loyalty import explaining, referrals
from loyalty.ledger import adjusting, statement
from loyalty.models import (
    BenefitUse,
    Membership,
    MembershipPlan,
    PointsAccount,
    PointsAdjustment,
    PointsEntry,
    PointsLot,
    Programme,
    Redemption,
    Referral,
    TierBenefit,
)
from loyalty.pages import shortfalls
from loyalty.pages.account_forms import (
    AdjustForm,
    AsOfForm,
    EndForm,
    RedeemForm,
    ReferForm,
    ReverseForm,
    SellForm,
    UseForm,
    offered_to,
)
from loyalty.pages.frame import act_on, press, show
from loyalty.pages.redemption_rows import RefusedAct, rows_of
from loyalty.pages.roles import DECIDES, SEES_LOYALTY, WORKS_ACCOUNTS
from loyalty.rewards import catalogue, redeeming
from loyalty.tiers import benefits, membership, progress

PAGE = 30
MOST_LOTS = 50
MOST_REDEMPTIONS = 10
MOST_CONTACTS = 100
MOST_USES = 10
MOST_WAITING = 10
MOST_MEMBERSHIPS = 5
ALL_MEMBERSHIPS = 500
MOST_REFERRED = 20
REVERSED = (
    PointsEntry.Kind.OPENING,
    PointsEntry.Kind.EARN,
    PointsEntry.Kind.ADJUST,
    PointsEntry.Kind.RECOVERY,
    PointsEntry.Kind.GIFT,
)
"""Entries that are reversed by hand; the verb says when nothing of one is left to reverse."""


@require_safe
@allow(*SEES_LOYALTY)
def account_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show an account; of a customer that was merged away go to the account of the survivor.

    ``?as_of=`` shows its statement as it was on a day, ``?page=`` older entries, ``?memberships=all`` every
    membership.
    """
    account = _account(request, pk)
    if account.pk != pk:
        return redirect("loyalty:account", pk=account.pk)
    return _page(request, account)


def shown(request: HttpRequest, pk: int, *, refused: RefusedAct) -> HttpResponse:
    """Show an account on which an act on a redemption was refused."""
    return _page(request, _account(request, pk), redemption=refused)


@require_POST
@allow(*WORKS_ACCOUNTS)
def account_act(request: HttpRequest, pk: int, act: str) -> HttpResponse:
    """Do one of the acts by hand: adjust, reverse, redeem, use, sell, end, refer and those of one press."""
    account = _account(request, pk)
    made = _MADE.get(act)
    if made is None:
        if act not in _PRESSED:
            raise Http404
        _PRESSED[act](request, account, clock.now())
        return redirect("loyalty:account", pk=account.pk)
    return made(request, account, clock.now())


# --- Acts with a form ----------------------------------------------------------------------------
def _adjust(request: HttpRequest, account: PointsAccount, at: datetime) -> HttpResponse:
    def done(row: PointsAdjustment) -> str:
        if row.state == PointsAdjustment.State.GRANTED:
            return _("The points are adjusted.")
        if request.user.role in DECIDES:  # type: ignore[union-attr]
            return _("It is above the limit of one person: somebody else decides it under “Adjustments”.")
        return _("It waits for a team lead or admin, under “Adjustments”.")

    return _done(
        request,
        account,
        AdjustForm(request.POST, account=account),
        lambda data: adjusting.adjust(
            account,
            points=data["points"],
            reason=data["reason"],
            key=data["key"],
            by=request.user,  # type: ignore[arg-type]
            at=at,
        ),
        done=done,
    )


def _reverse(request: HttpRequest, account: PointsAccount, at: datetime) -> HttpResponse:
    if request.user.role not in DECIDES:  # type: ignore[union-attr]
        raise Http404
    entry = get_object_or_404(PointsEntry, account=account, pk=whole(request.POST.get("entry")) or 0)
    return _done(
        request,
        account,
        ReverseForm(request.POST, account=account),
        lambda data: adjusting.reverse_entry(
            entry,
            reason=data["reason"],
            key=data["key"],
            by=request.user,  # type: ignore[arg-type]
            at=at,
        ),
        done=_("Reversed by an entry of its own; the first one stays in the statement."),
        entry=entry.pk,
    )


def _redeem(request: HttpRequest, account: PointsAccount, at: datetime) -> HttpResponse:
    form = RedeemForm(
        request.POST,
        account=account,
        offered=list(catalogue.offered_to(account, at=at)),
        contacts=_contacts(account),
    )
    return _done(
        request,
        account,
        form,
        lambda data: redeeming.ask_reward(
            account,
            data["reward"][0],
            price=data["reward"][1],
            contact=data["contact"],
            key=data["key"],
            by=request.user,  # type: ignore[arg-type]
            at=at,
        ),
        done=_("Redeemed. What is to be handed over stands under “Redemptions”."),
    )


def _use(request: HttpRequest, account: PointsAccount, at: datetime) -> HttpResponse:
    entitled = benefits.entitlements(account, at=at)
    return _done(
        request,
        account,
        UseForm(request.POST, account=account, entitled=entitled),
        lambda data: benefits.use_benefit(
            account,
            TierBenefit.objects.get(pk=data["benefit"]),
            used_day=data["used_day"],
            note=data["note"],
            key=data["key"],
            by=request.user,  # type: ignore[arg-type]
            at=at,
        ),
        done=_("Noted as used."),
    )


def _sell(request: HttpRequest, account: PointsAccount, at: datetime) -> HttpResponse:
    def done(row: Membership) -> str:
        runs = row.starts_day <= company.today(at).number
        if runs and row.plan.tier_id is not None and account.programme.state == Programme.State.PAUSED:
            return _(
                "The membership is sold. While the programme is paused no tier changes: "
                "its own comes in the night after the programme goes on."
            )
        return _("The membership is sold.")

    return _done(
        request,
        account,
        SellForm(request.POST, account=account, plans=_plans(account)),
        lambda data: membership.sell(
            account,
            data["plan"][0],
            expected_price=data["plan"][1],
            starts_day=data["starts_day"],
            price=data["price"],
            key=data["key"],
            by=request.user,  # type: ignore[arg-type]
            at=at,
        ),
        done=done,
    )


def _end(request: HttpRequest, account: PointsAccount, at: datetime) -> HttpResponse:
    row = _membership(request, account)
    return _done(
        request,
        account,
        EndForm(request.POST, account=account, auto_id=f"end-{row.pk}_%s"),
        lambda data: membership.cancel(
            row,
            reason=data["reason"],
            by=request.user,  # type: ignore[arg-type]
            at=at,
        ),
        done=_("The membership is cancelled."),
        entry=row.pk,
    )


def _refer(request: HttpRequest, account: PointsAccount, at: datetime) -> HttpResponse:
    return _done(
        request,
        account,
        ReferForm(request.POST, account=account),
        lambda data: referrals.refer(data["code"], account.customer, by=request.user, at=at),  # type: ignore[arg-type]
        done=_("Noted. Both are rewarded after the first paid order."),
    )


_MADE: dict[str, Callable[[HttpRequest, PointsAccount, datetime], HttpResponse]] = {
    "adjust": _adjust,
    "reverse": _reverse,
    "redeem": _redeem,
    "use": _use,
    "sell": _sell,
    "end": _end,
    "refer": _refer,
}


# --- Acts of one press ---------------------------------------------------------------------------
def _undo_use(request: HttpRequest, account: PointsAccount, at: datetime) -> None:
    use = get_object_or_404(_of(account, BenefitUse), pk=_number(request))
    press(
        request,
        lambda: benefits.undo_use(use, by=request.user, at=at),  # type: ignore[arg-type]
        done=_("Taken back: it can be used again."),
    )


def _renew(request: HttpRequest, account: PointsAccount, at: datetime) -> None:
    row = _membership(request, account)
    # a second press finds the same key; after a renewal that was cancelled there is another one
    before = Membership.objects.filter(renews=row, cancelled_at__isnull=False).count()
    key = f"renew-{row.pk}-{before}" if before else f"renew-{row.pk}"
    press(
        request,
        lambda: membership.renew(
            row,
            expected_price=whole(request.POST.get("price")),
            key=key,
            by=request.user,  # type: ignore[arg-type]
            at=at,
        ),
        done=_("The membership is renewed."),
    )


_PRESSED: dict[str, Callable[[HttpRequest, PointsAccount, datetime], None]] = {
    "undo-use": _undo_use,
    "renew": _renew,
}


# --- The page ------------------------------------------------------------------------------------
def _account(request: HttpRequest, pk: int) -> PointsAccount:
    """Return the account, of a customer that was merged away the survivor's; one must see whose it is."""
    asked = get_object_or_404(PointsAccount.objects.select_related("customer"), pk=pk)
    customer: int | None = asked.customer_id
    if asked.customer.merged_into_id is not None:
        customer = stubs.survivor_of(asked.customer_id)
    visible: Any = PointsAccount.objects.visible_to(request.user)  # type: ignore[attr-defined]
    found: PointsAccount = get_object_or_404(
        visible.select_related("customer__owner", "programme", "tier"),
        programme=asked.programme_id,
        customer=customer,
    )
    return found


def _of(account: PointsAccount, model: Any) -> Any:
    """Return the rows of the account's customer, those of another account that a merge brought among them."""
    rows = model.objects.filter(customer=account.customer_id)
    return rows.filter(account__programme=account.programme_id)


def _membership(request: HttpRequest, account: PointsAccount) -> Membership:
    rows = _of(account, Membership).select_related("account", "plan")
    found: Membership = get_object_or_404(rows, pk=_number(request))
    return found


def _number(request: HttpRequest) -> int:
    return whole(request.POST.get("number")) or 0


def _done(
    request: HttpRequest,
    account: PointsAccount,
    form: forms.Form,
    verb: Callable[[dict[str, Any]], Any],
    *,
    done: str | Callable[[Any], str],
    entry: int | None = None,
) -> HttpResponse:
    if act_on(request, form, verb, done=done):
        return redirect("loyalty:account", pk=account.pk)
    account.refresh_from_db(fields=["balance", "pending", "debt"])
    return _page(request, account, form, entry=entry)


def _contacts(account: PointsAccount) -> list[Any]:
    return list(account.customer.contacts.order_by("-is_main", "pk")[:MOST_CONTACTS])


def _plans(account: PointsAccount) -> list[MembershipPlan]:
    return list(account.programme.plans.filter(is_on=True))


def _page(
    request: HttpRequest,
    account: PointsAccount,
    refused: forms.Form | None = None,
    *,
    entry: int | None = None,
    redemption: RefusedAct | None = None,
) -> HttpResponse:
    at = clock.now()
    today = company.today(at)
    as_of_form = AsOfForm(request.GET)
    as_of = None
    if as_of_form.is_valid() and (day := as_of_form.cleaned_data["as_of"]) is not None and day < today.number:
        as_of = localtime.start_of_day(day + 1, today.zone)
    offered, contacts, plans = offered_to(account, at=at), _contacts(account), _plans(account)
    entitled = benefits.entitlements(account, at=at)
    standing = statement.standing(account, at=at)
    context: dict[str, Any] = {
        "account": account,
        "customer": account.customer,
        "customer_url": showing.to("customer", account.customer_id),
        "lots": _lots(account),
        "standing": standing,
        "past": max(0, account.balance - standing.points),  # not written off yet
        "as_of_form": as_of_form,
        "as_of": as_of,
        "as_of_day": as_of_form.cleaned_data.get("as_of") if as_of is not None else None,
        "entitled": entitled,
        "uses": _of(account, BenefitUse).select_related("benefit", "by").order_by("-pk")[:MOST_USES],
        **_memberships(request, account, today.number, refused, entry),
        "today": today.number,
        **_waiting(account),
        **_shortfalls(account),
        "entry_open": entry if isinstance(refused, ReverseForm) else None,
        "may_reverse": request.user.role in DECIDES,  # type: ignore[union-attr]
        "may_add": request.user.role in WORKS_ACCOUNTS and account.customer.erased_at is None,  # type: ignore[union-attr]
        **_referred_by(request, account),
        **_referred(request, account),
        "member_url": showing.to("member_links", account.customer_id),
        **_progress(account, at=at),
        **_redemptions(request, account, redemption),
        **_statement(request, account, as_of),
    }
    context |= {
        "adjust_form": AdjustForm(account=account),
        "reverse_form": ReverseForm(account=account),
        "redeem_form": RedeemForm(account=account, offered=offered, contacts=contacts) if offered else None,
        "use_form": UseForm(account=account, entitled=entitled) if entitled else None,
        "sell_form": SellForm(account=account, plans=plans) if plans else None,
        "refer_form": ReferForm(account=account),
    }
    if refused is not None:
        context[f"{refused.sheet}_form"] = refused  # type: ignore[attr-defined]
        context["open_sheet"] = refused.sheet  # type: ignore[attr-defined]
        if not _is_there(refused.sheet, context):  # type: ignore[attr-defined]
            said = [str(error) for found in refused.errors.values() for error in found]
            messages.error(request, " ".join(said))
    status = 422 if refused is not None or redemption is not None else 200
    return show(request, "account.html", "account_list", context, programme=account.programme, status=status)


def _is_there(sheet: str, context: dict[str, Any]) -> bool:
    """Say whether the page shows the form that was refused."""
    if sheet == ReverseForm.sheet:
        return any(row["may_reverse"] and row["entry"].pk == context["entry_open"] for row in context["rows"])
    ending = {form.sheet for _row, form in context["memberships"] if form is not None}
    if sheet == EndForm.sheet or sheet in ending:
        return sheet in ending
    return bool(context["may_add"]) and not (sheet == ReferForm.sheet and context["referred_by"])


def _waiting(account: PointsAccount) -> dict[str, Any]:
    """Return the first adjustments that wait, and how many do where that is more."""
    asked = _of(account, PointsAdjustment).filter(state=PointsAdjustment.State.ASKED)
    rows = list(asked.select_related("by").order_by("pk")[: MOST_WAITING + 1])
    is_more = len(rows) > MOST_WAITING
    return {"waiting": rows[:MOST_WAITING], "all_waiting": asked.count() if is_more else 0}


def _shortfalls(account: PointsAccount) -> dict[str, Any]:
    """Return the orders of which points could not be taken back: those that are open, and those decided."""
    rows = shortfalls.of_customer(account.programme, account.customer_id)
    return {
        "came_short": [row for row in rows if row.short > row.settled],
        "settled": [row for row in rows if row.settled_at is not None],
    }


def _memberships(
    request: HttpRequest, account: PointsAccount, today: int, refused: forms.Form | None, number: int | None
) -> dict[str, Any]:
    """Return the newest memberships, or all, each with the form that ends it if there is something to end."""
    rows = _of(account, Membership).select_related("plan")
    rows = rows.annotate(is_renewed=membership.is_renewed()).order_by("-ends_day", "-pk")
    most = ALL_MEMBERSHIPS if request.GET.get("memberships") == "all" else MOST_MEMBERSHIPS
    first = list(rows[: most + 1])
    found: list[tuple[Membership, EndForm | None]] = []
    for row in first[:most]:
        form = None
        if row.cancelled_at is None and row.ends_day >= today and not row.is_renewed:
            form = EndForm(account=account, initial={"number": row.pk}, auto_id=f"end-{row.pk}_%s")
            if isinstance(refused, EndForm) and number == row.pk:
                form = refused
            form.sheet = f"end-{row.pk}"
        found.append((row, form))
    return {"memberships": found, "more_memberships": len(first) > most}


def _referred(request: HttpRequest, account: PointsAccount) -> dict[str, Any]:
    """Return the newest customers who came by the account's code and whom one may see, and how many came."""
    came = Referral.objects.filter(referrer=account)
    visible: Any = Customer.objects.visible_to(request.user)  # type: ignore[attr-defined]
    seen = came.filter(customer__in=visible.order_by().values("pk")).select_related("customer")
    return {
        "referred": came.count(),
        "referrals": [
            (row, referrals.reason_said(row.reason)) for row in seen.order_by("-pk")[:MOST_REFERRED]
        ],
    }


def _referred_by(request: HttpRequest, account: PointsAccount) -> dict[str, Any]:
    """Return by whom the customer came, named only to those who see that customer."""
    found = Referral.objects.filter(programme=account.programme_id, customer=account.customer_id)
    row = found.select_related("referrer__customer").first()
    if row is None:
        return {"referred_by": None}
    visible = Customer.objects.visible_to(request.user)  # type: ignore[attr-defined]
    is_seen = visible.filter(pk=row.referrer.customer_id).exists()
    name = row.referrer.customer.name if is_seen else pgettext("by whom one came", "another customer")
    return {"referred_by": row, "referrer": name}


def _progress(account: PointsAccount, *, at: datetime) -> dict[str, Any]:
    found = progress.progress_of(account, at=at)
    return {"progress": found, "progress_said": progress.sentences(found)}


def _lots(account: PointsAccount) -> list[PointsLot]:
    rows = PointsLot.objects.filter(account=account, left__gt=0)
    return list(rows.order_by("is_pending", F("expires_day").asc(nulls_last=True), "pk")[:MOST_LOTS])


def _redemptions(request: HttpRequest, account: PointsAccount, refused: RefusedAct | None) -> dict[str, Any]:
    found = _of(account, Redemption).select_related("reward", "contact").order_by("-pk")
    rows = list(found[: MOST_REDEMPTIONS + 1])
    shown = rows_of(rows[:MOST_REDEMPTIONS], user=request.user, refused=refused)
    if refused is not None and not any(one.refused for one in shown):
        messages.error(request, " ".join(refused.errors))
    return {"redemptions": shown, "more_redemptions": len(rows) > MOST_REDEMPTIONS}


def _statement(request: HttpRequest, account: PointsAccount, as_of: datetime | None) -> dict[str, Any]:
    """Return a page of the statement, each entry with its explanation and the balance after it."""
    pages = Paginator(statement.entries_of(account, as_of), PAGE)
    page = pages.get_page(request.GET.get("page"))
    rows = list(page)
    told = explaining.told_of(rows, account.programme)
    may = request.user.role in DECIDES and as_of is None  # type: ignore[union-attr]
    return {
        "page": page,
        "query": "?" + request.GET.urlencode(),
        "newer": _address(request, account, page.previous_page_number()) if page.has_previous() else "",
        "older": _address(request, account, page.next_page_number()) if page.has_next() else "",
        "rows": [
            {
                "entry": row,
                "told": told[row.pk],
                "note": row.note.text if hasattr(row, "note") else "",
                "balance": row.running,  # type: ignore[attr-defined]
                "may_reverse": may and row.kind in REVERSED,
                "key": f"reverse-{row.pk}",
            }
            for row in rows
        ],
        "balance_then": statement.balance_as_of(account, as_of) if as_of is not None else None,
    }


def _address(request: HttpRequest, account: PointsAccount, number: int) -> str:
    """Return where a page of the statement is, also from the address of an act."""
    query = request.GET.copy()
    query["page"] = str(number)
    return f"{reverse('loyalty:account', args=[account.pk])}?{query.urlencode()}"

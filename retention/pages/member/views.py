"""The pages of a customer's own link. Each act is a press on a form; a second press finds it done."""

from __future__ import annotations

import re
import secrets
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse, QueryDict
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers.ground.errors import Refused
from customers.ground.numbers import whole
from loyalty import referrals
from loyalty.ledger import accounts
from loyalty.models import Redemption
from loyalty.naming import called
from loyalty.rewards import redeeming
from retention.pages.member import points, referred, statement, told, wishes
from retention.pages.member.visit import Dead, Visit, opened

_KEY = re.compile(rf"[A-Za-z0-9_-]{{1,{redeeming.MOST_KEY}}}")
MOST_CODE = 40
State = redeeming.State
PAGE = 20


@require_safe
@opened("retention:member")
def member(visit: Visit) -> HttpResponse:
    """Show everything at a glance."""
    return _home(visit)


@require_safe
@opened("retention:member_statement")
def member_statement(visit: Visit) -> HttpResponse:
    """List every movement of her points, newest first."""
    account = points.account_of(visit)
    if account is None:
        raise Dead
    page = Paginator(statement.rows(account), PAGE).get_page(visit.request.GET.get("page"))
    values = {"page": page, "lines": statement.lines(account, list(page.object_list)), "account": account}
    return visit.page("statement.html", values | _pager(visit, "member_statement", page), "member_statement")


@require_safe
@opened("retention:member_told")
def member_told(visit: Visit) -> HttpResponse:
    """List what she told us, and what came of it."""
    page = told.answers(visit, number=visit.request.GET.get("page"))
    values = {"answers": told.shown(page, visit), "page": page}
    return visit.page("told.html", values | _pager(visit, "member_told", page), "member_told")


@require_http_methods(["GET", "HEAD", "POST"])
@opened("retention:member_reward")
def member_reward(visit: Visit, pk: int) -> HttpResponse:
    """Ask once more before points are taken; the key of the form makes two presses one reward.

    A press is for the price that she was shown: at another one she is asked anew, and once more when the same
    reward was taken minutes ago and the form did not say so. What was withdrawn since
    she looked is told on her page.
    """
    account = points.account_of(visit)
    if account is None:
        raise Dead
    key, price = visit.request.POST.get("key", ""), whole(visit.request.POST.get("points"))
    if visit.request.method != "POST" or not _KEY.fullmatch(key) or price is None:
        return _confirm(visit, account, pk)
    mine = accounts.with_merged(account.row)
    known = Redemption.objects.filter(account__in=mine, key=key).order_by("pk").first()
    if known is not None:  # pressed twice: she sees what the first press got, also when it was the last one
        return visit.onward("member_redemption", known.pk)
    lately = points.taken_lately(account, pk, visit)
    if lately is not None and whole(visit.request.POST.get("again")) != lately.pk:
        return _confirm(visit, account, pk)
    reward = points.reward_of(account, pk)
    try:
        made = redeeming.ask_reward(
            account.row,
            reward,
            key=key,
            price=price,
            contact=visit.contact,
            by=None,
            at=visit.at,
        )
    except Refused as refusal:
        return _confirm(visit, account, pk, error=str(refusal))
    return visit.onward("member_redemption", made.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@opened("retention:member_redemption")
def member_redemption(visit: Visit, pk: int) -> HttpResponse:
    """Show how far a reward is; cancel it while it was not sent."""
    account = points.account_of(visit)
    if account is None:
        raise Dead
    taken = points.one_redemption(account, pk, visit)
    error = ""
    if visit.request.method == "POST" and "cancel" in visit.request.POST:
        if not taken.is_hers and not visit.contact.is_main:
            raise Dead
        try:
            redeeming.cancel(taken.row, reason="", by=None, at=visit.at)
        except Refused:
            error = _("This has moved on meanwhile. Here you see how it stands now.")
        else:
            return visit.onward("member_redemption", pk)
        taken = points.one_redemption(account, pk, visit)
    values = {"taken": taken, "account": account, "steps": _steps(taken.row.state), "error": error}
    return visit.page("redemption.html", values, "member_redemption", pk, status=409 if error else 200)


@require_POST
@opened("retention:member_contact")
def member_contact(visit: Visit) -> HttpResponse:
    """Take her word on how she may be contacted; it counts from now on."""
    try:
        wishes.keep(visit, visit.request.POST)
    except Refused as refusal:
        return _home(visit, posted=visit.request.POST, error=str(refusal), status=409)
    return visit.onward("member", query="said=kept", to="contact")


@require_POST
@opened("retention:member_referral")
def member_referral(visit: Visit) -> HttpResponse:
    """Note who recommended us to her; her account is opened when there is none."""
    code = visit.request.POST.get("code", "").replace("\0", "").strip()[:MOST_CODE]
    refused = "" if code else _("Enter the code that you were told.")
    if code:
        try:
            referrals.refer(code, visit.customer, by=None, at=visit.at)
        except Refused as refusal:
            refused = str(refusal)
    if refused:
        return _home(visit, code=code, refused=refused, status=409)
    return visit.onward("member", to="referred")


def _home(
    visit: Visit,
    *,
    posted: QueryDict | None = None,
    code: str = "",
    refused: str = "",
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    """Draw the page; ``posted``, ``code``: what she sent and could not be kept, with the reason."""
    account = points.account_of(visit)
    answers = told.answers(visit, size=told.FIRST)
    values: dict[str, Any] = {
        "account": account,
        "answers": told.shown(answers, visit),
        "more_answers": visit.address("member_told") if answers.has_next() else "",
        "complaints": told.complaints(visit),
        "wishes": wishes.of(visit, posted),
        "contact_address": visit.address("member_contact"),
        "is_kept": visit.request.GET.get("said") == "kept",
        "referred": referred.of(visit, code=code, refused=refused),
        "error": error,
    }
    if account is not None:
        rows = list(statement.rows(account)[: points.FIRST + 1])
        taken, page = points.redemptions(account, visit, number=visit.request.GET.get("taken"))
        values |= {
            "programme": called(account.programme),
            "worth": points.worth_of(account, visit),
            "expires": points.expiry_of(account),
            "pending": points.pending_of(account),
            "standing": points.standing_of(account, visit),
            "offers": [
                (offer, visit.address("member_reward", offer.reward.pk))
                for offer in points.offers(account, visit)
            ],
            "redemptions": [(one, visit.address("member_redemption", one.row.pk)) for one in taken],
            "taken_pages": _pager(visit, "member", page, key="taken", to="taken"),
            "lines": statement.lines(account, rows[: points.FIRST]),
            "more_lines": visit.address("member_statement") if len(rows) > points.FIRST else "",
            "invitation": points.invitation_of(account, visit),
        }
    return visit.page("page.html", values, "member", status=status)


def _confirm(visit: Visit, account: points.Account, pk: int, *, error: str = "") -> HttpResponse:
    offer = points.one_offer(account, pk, visit)
    if offer is None and error:
        return _home(visit, error=error, status=409)
    if offer is None:
        raise Dead
    values = {
        "account": account,
        "offer": offer,
        "left": account.sums.usable - offer.reward.points,
        "key": secrets.token_urlsafe(16),
        "lately": points.taken_lately(account, pk, visit),
        "error": error,
    }
    return visit.page("reward.html", values, "member_reward", pk, status=409 if error else 200)


def _steps(state: str) -> list[tuple[str, str]]:
    """Return the stops of a reward on its way, each done, here or ahead; none once it is cancelled."""
    way = [State.ASKED, State.READY, State.SENT, State.DONE]
    if state not in way:
        return []
    here = way.index(State(state))
    done = len(way) if state == State.DONE else here
    kinds = ["done" if n < done else "here" if n == here else "ahead" for n in range(len(way))]
    return [(str(one.label), kind) for one, kind in zip(way, kinds, strict=True)]


def _pager(visit: Visit, route: str, page: Any, *, key: str = "page", to: str = "") -> dict[str, str]:
    def address(number: int) -> str:
        return visit.address(route, query=f"{key}={number}") + (f"#{to}" if to else "")

    return {
        "newer": address(page.previous_page_number()) if page.has_previous() else "",
        "older": address(page.next_page_number()) if page.has_next() else "",
    }

"""Taking a reward for points, how far it is, and giving it back.

Locks are taken in the order account, redemption, reward, code. A redemption is written first and names
the ledger's entry; then the stock falls, by a conditional update, so that the row which many wait for is
held shortly.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from customers import company, objections
from customers.ground import audit, events
from customers.ground.errors import Refused
from customers.models import Contact, User
from customers.models.people import Role
from loyalty.ledger import accounts
from loyalty.ledger import redeeming as ledger
from loyalty.models import PointsAccount, Programme, Redemption, Reward
from loyalty.naming import called
from loyalty.rewards import catalogue, codes

SOURCE = "redemption"
MOST_KEY = 64
State = Redemption.State
MOVED = (State.READY, State.SENT, State.DONE)
"""What :func:`set_state` makes of a redemption."""
MOVES: dict[str, tuple[str, ...]] = {
    State.ASKED: (State.READY, State.SENT, State.DONE),
    State.READY: (State.SENT, State.DONE),
    State.SENT: (State.DONE,),
    State.DONE: (),
    State.CANCELLED: (),
}
"""Where a redemption goes from each state by :func:`set_state`; :func:`cancel` has its own rule."""

ON_THE_SHELF = (State.ASKED, State.READY)
"""The states in which the goods did not leave: only a redemption cancelled in them goes back to stock."""

HANDLING = (Role.ACCOUNT_MANAGER, Role.TEAM_LEAD, Role.ADMIN, Role.INTEGRATION)
DECIDING = (Role.TEAM_LEAD, Role.ADMIN)


class RewardNotOffered(Refused):
    code = "reward_not_offered"
    message = _("This reward is not offered today. Choose another one.")


class RewardForTier(Refused):
    code = "reward_for_tier"
    message = _("This reward is for customers from the tier “%(tier)s” on.")


class RewardTaken(Refused):
    code = "reward_taken"
    message = _("One customer can take this reward %(most)s times, and this one has. Choose another reward.")


class RewardGone(Refused):
    code = "reward_gone"
    message = _("None of this reward is left. No points were taken; choose another one or add stock.")


class RewardPrice(Refused):
    code = "reward_price"
    message = _("The price has changed: “%(reward)s” costs %(points)s points now. Nothing was taken yet.")


class RewardElsewhere(Refused):
    code = "reward_elsewhere"
    message = _("The reward belongs to another programme than the account. Choose one of its own programme.")


class ProgrammeNotLive(Refused):
    code = "programme_not_live"
    message = _("The programme has not started. Start it first.")


class ContactElsewhere(Refused):
    code = "contact_of_another"
    message = _("The contact belongs to another customer. Choose one of this customer.")


class KeyOfAnother(Refused):
    code = "redemption_key"
    message = _("This key was used for another reward. Use a new key for each redemption.")


class RedemptionMove(Refused):
    code = "redemption_move"
    message = _("The redemption is “%(state)s” and cannot become “%(wanted)s”.")


class RedemptionMoved(RedemptionMove):
    message = _("The redemption is “%(state)s” by now, and was not changed. Look at it again.")


class CancelNotYours(Refused):
    code = "redemption_cancel"
    message = _("The redemption is “%(state)s”. A team lead or admin can still cancel it.")


class CancelReason(Refused):
    code = "redemption_reason"
    message = _("Say in a sentence why the redemption is cancelled.")


def ask_reward(
    account: PointsAccount,
    reward: Reward,
    *,
    key: str,
    price: int | None = None,
    contact: Contact | None = None,
    by: User | None,
    at: datetime,
) -> Redemption:
    """Take a reward for its points; return the redemption.

    Args:
        key: names this one wish, within the account: the same again returns the first redemption.
        price: the points that whoever pressed was shown; another price than the reward's is refused.
        by: who asks for the customer; ``None``: the customer herself.

    All or nothing in one transaction: the points leave their lots, the stock falls by one and never below
    zero, a code is given out. A code is shown at once, so its redemption is done. Raises
    :class:`RewardNotOffered`, :class:`RewardForTier`, :class:`RewardTaken`, :class:`RewardGone`,
    :class:`RewardElsewhere`, :class:`RewardPrice`, :class:`ProgrammeNotLive`, :class:`ContactElsewhere`,
    :class:`KeyOfAnother`, ``Erased`` and the ledger's ``NotEnoughPoints``. Side effects: an entry of the
    ledger; audit ``redemption.ask``; event ``redemption.asked``.
    """
    if not key or len(key) > MOST_KEY:
        raise ValueError("a redemption needs a key of 1 to 64 characters")
    with transaction.atomic():
        account = accounts.hold(account)
        asked = Redemption.objects.filter(account__in=accounts.with_merged(account), key=key)
        known = asked.order_by("pk").first()
        if known is not None:
            if known.reward_id != reward.pk:
                raise KeyOfAnother()
            return known
        objections.refuse_erased(account.customer)
        reward = Reward.objects.select_related("tier", "programme").get(pk=reward.pk)
        _check(account, reward, contact, at=at)
        if price is not None and price != reward.points:
            raise RewardPrice(reward=reward.name, points=f"{reward.points:,}")
        row = Redemption.objects.create(
            account=account,
            customer_id=account.customer_id,
            contact=contact,
            reward=reward,
            points=reward.points,
            state=State.DONE if reward.kind == Reward.Kind.CODE else State.ASKED,
            key=key,
            by=by,
            at=at,
            changed_by=by,
            changed_at=at,
        )
        row.entry = ledger.redeem(
            account,
            points=reward.points,
            source=(SOURCE, row.pk),
            key="",
            detail={"reward": reward.pk},
            by=by,
            at=at,
        )
        row.save(update_fields=["entry"])
        _take_from_stock(row, reward)
        _note("ask", row, by=by, at=at)
        _tell("redemption.asked", row, at=at)
    return row


def set_state(
    redemption: Redemption,
    state: str,
    *,
    was: str = "",
    tracking: str | None = None,
    note: str | None = None,
    by: User | None,
    at: datetime,
) -> Redemption:
    """Say how far it is, by :data:`MOVES`; the state that it has already changes words alone, if any.

    Args:
        was: the state that whoever says so was shown; one that moved since is refused. Empty: not asked.

    Raises :class:`RedemptionMove`. Side effects: audit ``redemption.<state>`` and event
    ``redemption.moved``; of words alone audit ``redemption.change``. Where nothing changes there are none.
    """
    with transaction.atomic():
        row = _hold(redemption)
        is_moved = row.state != state
        if state not in MOVED or (is_moved and state not in MOVES[row.state]):
            raise RedemptionMove(state=row.get_state_display(), wanted=State(state).label)
        before = (row.state, row.tracking, row.note)
        row.tracking = row.tracking if tracking is None else tracking.strip()
        row.note = row.note if note is None else note.strip()
        if (state, row.tracking, row.note) == before:
            return row  # also what was sent twice
        if was not in ("", row.state):
            raise RedemptionMoved(state=row.get_state_display())
        row.state, row.changed_by, row.changed_at = state, by, at
        row.save(update_fields=["state", "tracking", "note", "changed_by", "changed_at"])
        _note(state if is_moved else "change", row, by=by, at=at)
        if is_moved:
            _tell("redemption.moved", row, at=at)
    return row


def cancel(
    redemption: Redemption, *, reason: str, was: str = "", by: User | None, at: datetime
) -> Redemption:
    """Cancel it: its points go back into the lots that they came from, with their old expiry.

    The customer herself (``by`` is ``None``) cancels while it is asked for or ready, colleagues until it
    is handed over, a team lead or admin also afterwards; a code counts as handed over when it is given
    out, because it was seen. What did not leave the shelf (:data:`ON_THE_SHELF`) goes back to stock;
    other goods are counted with ``catalogue.add_stock`` when they come back. A code becomes void and is
    not given out again. One that is cancelled already stays as it is.

    Args:
        was: the state that whoever cancels was shown; one that moved since is refused. Empty: not asked.

    Raises :class:`CancelReason` when a colleague gives none, :class:`CancelNotYours`,
    :class:`RedemptionMove`. Side effects: an entry of the ledger, and another where points come back into a
    lot past its day; audit ``redemption.cancel``; event ``redemption.cancelled``.
    """
    if by is not None and not reason.strip():
        raise CancelReason()
    with transaction.atomic():
        row = _hold(redemption)
        if row.state == State.CANCELLED:
            return row
        if not may_cancel(row, by=by):
            raise CancelNotYours(state=row.get_state_display())
        if was and row.state != was:
            raise RedemptionMoved(state=row.get_state_display())
        before = row.state
        row.state, row.changed_by, row.changed_at = State.CANCELLED, by, at
        row.note = "\n".join(part for part in (row.note, reason.strip()) if part)
        row.save(update_fields=["state", "note", "changed_by", "changed_at"])
        if row.entry is not None:
            ledger.give_back(row.entry, source=(SOURCE, row.pk), key="", by=by, at=at)
        codes.void(row)
        if before in ON_THE_SHELF:
            catalogue.give_stock_back(row.reward_id)
        _note("cancel", row, by=by, at=at)
        _tell("redemption.cancelled", row, at=at)
    return row


def may_cancel(redemption: Redemption, *, by: User | None) -> bool:
    """Say whether ``by`` (``None``: the customer herself) may cancel it as it stands."""
    if redemption.state == State.CANCELLED:
        return False
    if by is None:
        return redemption.state in ON_THE_SHELF
    return by.role in (DECIDING if redemption.state == State.DONE else HANDLING)


def _check(account: PointsAccount, reward: Reward, contact: Contact | None, *, at: datetime) -> None:
    """Refuse what this account cannot take; it is held, so nobody takes another at the same time."""
    if reward.programme_id != account.programme_id:
        raise RewardElsewhere()
    if reward.programme.state == Programme.State.DRAFT:
        raise ProgrammeNotLive()
    if contact is not None and contact.customer_id != account.customer_id:
        raise ContactElsewhere()
    today = company.today(at).number
    if (
        not reward.is_on
        or (reward.from_day is not None and today < reward.from_day)
        or (reward.until_day is not None and today > reward.until_day)
    ):
        raise RewardNotOffered()
    if reward.tier is not None and (account.tier is None or account.tier.threshold < reward.tier.threshold):
        raise RewardForTier(tier=called(reward.tier))
    if reward.per_customer is not None:
        taken = Redemption.objects.filter(customer=account.customer_id, reward=reward)
        taken = taken.exclude(state=State.CANCELLED)
        if taken.count() >= reward.per_customer:
            raise RewardTaken(most=reward.per_customer)
    if reward.stock == 0:
        raise RewardGone()


def _take_from_stock(row: Redemption, reward: Reward) -> None:
    """Let the stock fall by one where it is counted, and give out the code."""
    if reward.stock is not None and not Reward.objects.filter(pk=reward.pk, is_on=True, stock__gte=1).update(
        stock=F("stock") - 1
    ):
        raise RewardGone()
    if reward.kind == Reward.Kind.CODE and codes.give_out(row) is None:
        raise RewardGone()


def _hold(redemption: Redemption) -> Redemption:
    """Return the redemption as it stands, with its account held."""
    accounts.hold(redemption.account)
    held = Redemption.objects.select_for_update(no_key=True, of=("self",))
    return held.select_related("entry", "account", "reward").get(pk=redemption.pk)


def _note(act: str, row: Redemption, *, by: User | None, at: datetime) -> None:
    codes_ = {"reward": row.reward_id, "points": row.points}
    audit.record(f"redemption.{act}", obj=row, by=by, at=at, customer_id=row.customer_id, codes=codes_)


def _tell(kind: str, row: Redemption, *, at: datetime) -> None:
    data = {"reward": row.reward_id, "points": row.points, "state": row.state}
    events.record(kind, customer_id=row.customer_id, subject=row, occurred_at=at, data=data)

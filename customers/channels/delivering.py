"""Handing one message to its sender, and what the answer means."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from customers.channels import calling, composing, filling, mailing
from customers.channels.calling import Answer, NoAnswer
from customers.channels.destinations import NotReached
from customers.channels.mailing import Reply
from customers.channels.senders import PASSWORD, secrets_of
from customers.models import Attempt, Message, Sender

log = logging.getLogger(__name__)

Outcome = Attempt.Outcome
Reason = Message.Reason
MOST_OF_ANSWER = 500
_NO_MAILBOX = frozenset({550, 551, 553})


@dataclass(frozen=True, slots=True)
class Result:
    """How an attempt ended; ``retry_after`` in seconds, when the provider named it."""

    outcome: str
    reason: str = ""
    status: int | None = None
    code: str = ""
    answer: str = ""
    provider_id: str = ""
    retry_after: float | None = None
    is_of_sender: bool = False  # others by the same sender would fare no better now


def deliver(
    message: Message,
    sender: Sender,
    *,
    unsubscribe: str,
    links: Mapping[str, str] | None = None,
    now: datetime,
) -> Result:
    """Hand ``message`` over; never raises for what the other side does.

    Args:
        unsubscribe: the address of a link, or nothing.
        links: what fills the places of links.
        now: the real time, for signatures.
    """
    secrets = secrets_of(sender)
    try:
        hand_over = _composed(
            message, sender, secrets=secrets, unsubscribe=unsubscribe, links=links or {}, now=now
        )
    except Exception as error:  # a fault of ours, before anything left
        log.exception("message cannot be composed", extra={"message_id": message.pk})
        return Result(Outcome.FAILED, Reason.REFUSED, code=type(error).__name__[:64])
    try:
        result = hand_over()
    except NotReached as error:
        result = Result(Outcome.LATER, Reason.NOT_REACHED, code=_code(str(error)), is_of_sender=True)
    except NoAnswer as error:
        result = Result(Outcome.UNKNOWN, Reason.NO_ANSWER, code=_code(str(error)))
    return _without(result, [*secrets.values(), *_openers([unsubscribe, *(links or {}).values()])])


def _composed(
    message: Message,
    sender: Sender,
    *,
    secrets: Mapping[str, str],
    unsubscribe: str,
    links: Mapping[str, str],
    now: datetime,
) -> Callable[[], Result]:
    """Return the act that hands over what was composed."""
    config = sender.config
    if sender.kind == Sender.Kind.SMTP:
        mail = composing.mail(message, config=config, unsubscribe=unsubscribe, links=links)
        password = secrets.get(PASSWORD, "")
        return lambda: of_mail(mailing.send(mail, to=message.to, config=config, password=password))
    url, headers, body = composing.call(
        message, config=config, secrets=secrets, unsubscribe=unsubscribe, links=links, now=now
    )
    return lambda: of_call(calling.post(url, headers=headers, body=body), config=config)


def of_mail(reply: Reply) -> Result:
    """Return what a mail server's reply means."""
    said: dict[str, Any] = {"status": reply.status, "code": reply.code, "answer": reply.text}
    if reply.step == "data" and 200 <= reply.status < 300:
        return Result(Outcome.ACCEPTED, **said)
    if 400 <= reply.status < 500 or reply.step == "connect":  # a password is mended by somebody
        is_ours = reply.step in ("connect", "sender")
        return Result(Outcome.LATER, Reason.BUSY, **said, is_of_sender=is_ours)
    if reply.step == "recipient" and (reply.status in _NO_MAILBOX or reply.code.startswith("5.1.")):
        return Result(Outcome.BOUNCED, Reason.DEAD_ADDRESS, **said)
    return Result(Outcome.FAILED, Reason.REFUSED, **said)


def of_call(answer: Answer, *, config: Mapping[str, Any]) -> Result:
    """Return what a provider's answer means."""
    try:
        data = json.loads(answer.text)
    except ValueError:
        data = None
    code = _code(filling.at_path(data, config["code_path"] or config["ok_path"] or "code"))
    said: dict[str, Any] = {"status": answer.status, "code": code, "answer": answer.text}
    if code and code in config["dead_codes"]:
        return Result(Outcome.BOUNCED, Reason.DEAD_ADDRESS, **said)
    is_busy = answer.status in (408, 429) or answer.status >= 500
    if is_busy or (code and code in config["retry_codes"]):
        return Result(
            Outcome.LATER, Reason.BUSY, **said, retry_after=answer.retry_after, is_of_sender=is_busy
        )
    is_ok = 200 <= answer.status < 300
    if is_ok and config["ok_path"]:
        is_ok = filling.at_path(data, config["ok_path"]) == config["ok_value"]
    if not is_ok:
        return Result(Outcome.FAILED, Reason.REFUSED, **said)
    provider_id = filling.at_path(data, config["id_path"])[:200] if config["id_path"] else ""
    return Result(Outcome.ACCEPTED, **said, provider_id=provider_id)


def _openers(addresses: Iterable[str]) -> list[str]:
    """Return what opens something in the addresses of links: their last part, however the rest is quoted."""
    return [address.rstrip("/").rpartition("/")[2] for address in addresses if address]


def _without(result: Result, secrets: Iterable[str]) -> Result:
    """Return the result with no secret in what the provider said back, and only the beginning of that."""
    answer = result.answer
    for value in sorted(secrets, key=len, reverse=True):
        if len(value) >= 4:
            answer = answer.replace(value, "…")
    answer = "".join(char if char.isprintable() else " " for char in answer[:MOST_OF_ANSWER])
    return Result(
        **{name: getattr(result, name) for name in Result.__slots__ if name != "answer"}, answer=answer
    )


def _code(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "", text)[:64]

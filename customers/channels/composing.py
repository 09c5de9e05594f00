"""What is handed over for one message: a mail, or the body of a call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from email.utils import formataddr
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.utils.html import escape, urlize
from django.utils.translation import gettext as _

from customers.channels import filling, signing
from customers.channels import links as places
from customers.models import Message

UNSUBSCRIBE = "{{unsubscribe}}"


def mail(
    message: Message, *, config: Mapping[str, Any], unsubscribe: str, links: Mapping[str, str] | None = None
) -> Any:
    """Return a mail in text and HTML; with an address to unsubscribe, its headers and a line that says so.

    Every attempt has the same ``Message-ID``. ``links``: what fills the places of links.
    """
    said = places.fill(message.text, links or {})
    text, html = said, message.html or _html(said)
    html = places.fill(html, {mark: escape(value) for mark, value in (links or {}).items()})
    if unsubscribe and UNSUBSCRIBE not in message.text:
        text += "\n\n" + _("No more of these messages: %(link)s") % {"link": UNSUBSCRIBE} + "\n"
    if unsubscribe and UNSUBSCRIBE not in html:
        html += f'<p><a href="{UNSUBSCRIBE}">{escape(_("No more of these messages"))}</a></p>'
    headers = {"Message-ID": message_id(message), "Auto-Submitted": "auto-generated"}
    if unsubscribe:
        headers["List-Unsubscribe"] = f"<{unsubscribe}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    made = EmailMultiAlternatives(
        subject=" ".join(message.subject.split()),
        body=text.replace(UNSUBSCRIBE, unsubscribe),
        from_email=formataddr((config["from_name"], config["from_address"])),
        to=[message.to],
        reply_to=[config["reply_to"]] if config["reply_to"] else None,
        headers=headers,
    )
    made.attach_alternative(html.replace(UNSUBSCRIBE, escape(unsubscribe)), "text/html")
    return made.message()


def call(
    message: Message,
    *,
    config: Mapping[str, Any],
    secrets: Mapping[str, str],
    unsubscribe: str,
    links: Mapping[str, str] | None = None,
    now: datetime,
) -> tuple[str, dict[str, str], bytes]:
    """Return address, headers and body of the call that hands a message over; ``now`` is the real time."""
    params: dict[str, str] = json.loads(message.params) if message.params else {}
    params = {name: places.fill(value, links or {}) for name, value in params.items()}
    values = {
        "to": message.to,
        "subject": " ".join(message.subject.split()),
        "text": places.fill(message.text, links or {}).replace(UNSUBSCRIBE, unsubscribe),
        "message_id": message.uid,
        "template_id": config["templates"].get(message.template, config["default_template"]),
        "params": json.dumps(params, ensure_ascii=False),
        **{f"param.{name}": value for name, value in params.items()},
        **{f"{filling.SECRET}{name}": value for name, value in secrets.items()},
    }
    url = filling.fill_address(config["url"], values)
    is_json = config["body_kind"] == "json"
    body = (filling.fill_json if is_json else filling.fill_form)(config["body"], values)
    kind = "application/json; charset=utf-8" if is_json else "application/x-www-form-urlencoded"
    headers = {"Content-Type": kind, "Accept": "application/json", "Idempotency-Key": message.uid}
    headers |= {name: filling.fill(value, values) for name, value in config["headers"]}
    headers = signing.signed(
        config["signature"],
        url=url,
        headers=headers,
        body=body,
        secrets=secrets,
        message_id=message.uid,
        at=now,
    )
    return url, headers, body


def message_id(message: Message) -> str:
    """Return the ``Message-ID`` that a message keeps however often it is sent."""
    return f"<{message.uid}@{urlsplit(settings.PUBLIC_BASE_URL).hostname}>"


def _html(text: str) -> str:
    paragraphs = [urlize(part, autoescape=True).replace("\n", "<br>") for part in text.split("\n\n")]
    return "".join(f"<p>{part}</p>" for part in paragraphs)

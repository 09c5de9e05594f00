"""One mail to a mail server, told apart by the step at which it failed."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any

from django.core.mail.message import sanitize_address

from customers.channels import destinations
from customers.channels.calling import MOST_SECONDS, STEP_SECONDS, NoAnswer

NONE, STARTTLS, TLS = "none", "starttls", "tls"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server said last, and at which step: connect, sender, recipient, data."""

    step: str
    status: int
    text: str

    @property
    def code(self) -> str:
        """The enhanced code (5.1.1) when there is one, else the plain one."""
        first = self.text.partition(" ")[0]
        parts = first.split(".")
        is_enhanced = len(parts) == 3 and all(part.isdecimal() for part in parts)
        return first if is_enhanced and len(first) <= 12 else str(self.status)


class _Checked(smtplib.SMTP):
    def _get_socket(self, host: str, port: int, timeout: Any) -> socket.socket:
        return destinations.connect(host, port, seconds=timeout, in_the_clear=self.is_in_the_clear)

    is_in_the_clear = False


class _InTheClear(_Checked):
    is_in_the_clear = True


class _CheckedTls(smtplib.SMTP_SSL):
    def _get_socket(self, host: str, port: int, timeout: Any) -> socket.socket:
        sock = destinations.connect(host, port, seconds=timeout)
        return self.context.wrap_socket(sock, server_hostname=host)  # type: ignore[attr-defined,no-any-return]


def send(mail: Any, *, to: str, config: Mapping[str, Any], password: str) -> Reply:
    """Hand ``mail`` to the server of ``config`` and return its last reply; 250 at ``data``: taken.

    Raises ``NotReached`` when nothing was handed over, ``NoAnswer`` when that is not known.
    """
    data = mail.as_bytes(linesep="\r\n")
    try:
        server = _connected(config)
    except (OSError, smtplib.SMTPException) as error:
        raise destinations.NotReached(type(error).__name__) from error
    try:
        with destinations.at_most(MOST_SECONDS, lambda: server.sock):
            try:
                if (early := _before_data(server, to=to, config=config, password=password)) is not None:
                    return early
            except (OSError, ValueError, smtplib.SMTPException) as error:  # ValueError: not in ASCII
                raise destinations.NotReached(type(error).__name__) from error
            try:
                status, said = server.data(data)
            except smtplib.SMTPDataError as error:
                return Reply("data", error.smtp_code, _text(error.smtp_error))
            except (OSError, smtplib.SMTPException) as error:
                raise NoAnswer(type(error).__name__) from error
            return Reply("data", status, _text(said))
    finally:
        _leave(server)


def _connected(config: Mapping[str, Any]) -> smtplib.SMTP:
    kinds: dict[str, type[smtplib.SMTP]] = {NONE: _InTheClear, STARTTLS: _Checked, TLS: _CheckedTls}
    kind, context = kinds[config["security"]], ssl.create_default_context()
    more: dict[str, Any] = {"context": context} if config["security"] == TLS else {}
    return kind(config["host"], config["port"], timeout=STEP_SECONDS, **more)


def _before_data(server: smtplib.SMTP, *, to: str, config: Mapping[str, Any], password: str) -> Reply | None:
    """Do all that comes before the text; return the reply that ended it, if one did."""
    server.ehlo_or_helo_if_needed()
    if config["security"] == STARTTLS:
        server.starttls(context=ssl.create_default_context())
        server.ehlo()
    if config.get("username"):
        try:
            server.login(config["username"], password)
        except smtplib.SMTPAuthenticationError as error:
            return Reply("connect", error.smtp_code, _text(error.smtp_error))
    status, said = server.mail(_ascii(config["from_address"]))
    if status != 250:
        return Reply("sender", status, _text(said))
    try:
        status, said = server.rcpt(_ascii(to))
    except UnicodeError:
        return Reply("recipient", 553, "5.1.3 no such address can be")
    if status not in (250, 251):
        return Reply("recipient", status, _text(said))
    return None


def _ascii(address: str) -> str:
    """Return an address with the name of its host as the wire has it."""
    return parseaddr(sanitize_address(address, "utf-8"))[1]


def _leave(server: smtplib.SMTP) -> None:
    try:
        server.quit()
    except (OSError, smtplib.SMTPException):
        server.close()


def _text(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said

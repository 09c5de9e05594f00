"""Fake providers on real sockets: a mail server and a web server that do what a test tells them."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from typing import Any


@dataclass
class Told:
    """What a server is told to answer, and what it got."""

    answers: list[Any] = field(default_factory=list)
    got: list[Any] = field(default_factory=list)
    port: int = 0

    def answer(self, default: Any) -> Any:
        return self.answers.pop(0) if self.answers else default


class _Smtp(socketserver.StreamRequestHandler):
    """Speaks enough SMTP; ``answers`` maps a step (MAIL, RCPT, DATA, END, AUTH) to a reply or to ``hang``."""

    told: Told

    def handle(self) -> None:
        script = self.told.answer({})
        self.say("220 fake")
        envelope: dict[str, Any] = {}
        while line := self.rfile.readline().decode().strip():
            step = line.split(" ", 1)[0].upper()
            if step in ("EHLO", "HELO"):
                self.say("250-fake\r\n250 AUTH PLAIN")
            elif step == "QUIT":
                self.say("221 bye")
                return
            elif step == "DATA":
                if not self.reply(script, "DATA", "354 go on"):
                    return
                if "DATA" in script:
                    continue
                envelope["data"] = self.text()
                self.told.got.append(envelope)
                if not self.reply(script, "END", "250 2.0.0 taken"):
                    return
            else:
                envelope[step] = line
                if not self.reply(script, step, "235 ok" if step == "AUTH" else "250 2.1.0 ok"):
                    return

    def text(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b"..") else line)
        return b"".join(lines)

    def reply(self, script: dict[str, str], step: str, usual: str) -> bool:
        said = script.get(step, usual)
        if said == "hang up":
            self.connection.shutdown(socket.SHUT_RDWR)
            return False
        self.say(said)
        return True

    def say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")


class _Http(socketserver.StreamRequestHandler):
    """Answers each call with ``(status, headers, body)`` or hangs up after reading it."""

    told: Told

    def handle(self) -> None:
        first = self.rfile.readline().decode().split()
        if len(first) < 2:
            return
        headers = {}
        while line := self.rfile.readline().decode().strip():
            name, _colon, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = self.rfile.read(int(headers.get("content-length", 0)))
        self.told.got.append({"path": first[1], "headers": headers, "body": body})
        said = self.told.answer((200, {}, "{}"))
        if said == "hang up":
            return
        status, more, text = said
        data = text.encode()
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(data)}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in more.items()]
        self.wfile.write("\r\n".join(lines).encode() + b"\r\n\r\n" + data)


@contextlib.contextmanager
def serving(handler: type[socketserver.StreamRequestHandler]) -> Iterator[Told]:
    """Run a server on a free port of this machine while inside."""
    told = Told()
    made = type("Handler", (handler,), {"told": told})
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), made)
    server.daemon_threads = True
    told.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def smtp() -> Any:
    """Run a fake mail server."""
    return serving(_Smtp)


def http() -> Any:
    """Run a fake provider."""
    return serving(_Http)


def mail_of(envelope: dict[str, Any]) -> Any:
    """Return the mail that a server took."""
    return message_from_bytes(envelope["data"], policy=policy.default)

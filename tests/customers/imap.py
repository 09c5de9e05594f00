"""A fake mail server that speaks enough IMAP4rev1, on a real socket."""

from __future__ import annotations

import contextlib
import re
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone

CLOCK = timezone(timedelta(hours=-7))  # of the server
TODAY = datetime(2026, 5, 11, 2, 0, 30, tzinfo=UTC)  # half a minute behind the NOW of the tests


@dataclass
class Box:
    """What lies on the server, and what it was asked; ``refuses``: commands that fail."""

    letters: dict[int, bytes] = field(default_factory=dict)
    came: dict[int, datetime] = field(default_factory=dict)
    validity: int = 7
    password: str = "secret"
    folder: str = '"INBOX"'
    refuses: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    says: bytes = b""  # in the place of a letter
    hangs_up_at: int = 0  # the letter in the middle of which it is gone
    hangs_up_at_heads: bool = False  # even where only the head of that letter is asked for
    tells_next: bool = True  # which number the next letter will have
    port: int = 0

    def put(self, raw: str | bytes, *, came: datetime = TODAY) -> int:
        """Let a letter come in; return its number."""
        number = max(self.letters, default=0) + 1
        self.came[number] = came
        self.letters[number] = raw.encode() if isinstance(raw, str) else raw
        return number


class _Imap(socketserver.StreamRequestHandler):
    box: Box

    def handle(self) -> None:
        self.say(b"* OK fake")
        while line := self.rfile.readline().decode().strip():
            tag, _space, command = line.partition(" ")
            self.box.asked.append(command)
            if not self.answer(tag, command):
                return

    def answer(self, tag: str, command: str) -> bool:
        word = command.upper().split(" ")[0]
        what = " ".join(command.upper().split(" ")[:2]) if word == "UID" else word
        if what in self.box.refuses:
            self.say(f"{tag} NO refused".encode())
        elif word == "CAPABILITY":
            self.say(b"* CAPABILITY IMAP4rev1", f"{tag} OK done".encode())
        elif word == "LOGIN":
            known = self.box.password in command
            self.say(f"{tag} {'OK in' if known else 'NO wrong'}".encode())
        elif word in ("EXAMINE", "SELECT"):
            if command.partition(" ")[2] != self.box.folder:
                self.say(f"{tag} NO no such folder".encode())
                return True
            following = max(self.box.letters, default=0) + 1
            self.say(
                f"* {len(self.box.letters)} EXISTS".encode(),
                f"* OK [UIDVALIDITY {self.box.validity}] ok".encode(),
                *([f"* OK [UIDNEXT {following}] ok".encode()] if self.box.tells_next else []),
                f"{tag} OK [READ-ONLY]".encode(),
            )
        elif what == "UID SEARCH":
            self.say(
                f"* SEARCH {' '.join(map(str, self.found(command)))}".encode(), f"{tag} OK done".encode()
            )
        elif what == "UID FETCH":
            if "INTERNALDATE" in command:
                self.moments(tag, [int(one) for one in command.split(" ")[2].split(",")])
                return True
            number = int(command.split(" ")[2])
            is_head = "HEADER" in command
            if number == self.box.hangs_up_at and (not is_head or self.box.hangs_up_at_heads):
                self.wfile.write(f"* 1 FETCH (UID {number} BODY[]<0> {{900}}\r\nxx".encode())
                return False
            self.fetch(tag, number, is_head=is_head)
        elif word == "LOGOUT":
            self.say(b"* BYE bye", f"{tag} OK done".encode())
            return False
        else:
            self.say(f"{tag} BAD what".encode())
        return True

    def found(self, command: str) -> list[int]:
        if since := re.search(r"SINCE (\S+)", command):
            first_day = datetime.strptime(f"{since[1]} +0000", "%d-%b-%Y %z").date()
            return [n for n in sorted(self.box.letters) if self.day_of(n) >= first_day]
        if command.endswith("UID *"):
            return sorted(self.box.letters)[-1:]
        first = int(re.findall(r"UID (\d+):\*", command)[0])
        last = max(self.box.letters, default=0)
        return [n for n in sorted(self.box.letters) if n >= first or n == last]  # * is always the last

    def day_of(self, number: int) -> date:
        """Return the day on which a letter came, by the server's clock."""
        return self.box.came[number].astimezone(CLOCK).date()

    def moments(self, tag: str, numbers: list[int]) -> None:
        for number in numbers:
            moment = self.box.came[number].astimezone(CLOCK).strftime("%d-%b-%Y %H:%M:%S %z")
            if moment.startswith("0"):
                moment = f" {moment[1:]}"
            self.say(f'* 1 FETCH (UID {number} INTERNALDATE "{moment}")'.encode())
        self.say(f"{tag} OK done".encode())

    def fetch(self, tag: str, number: int, *, is_head: bool) -> None:
        if self.box.says:
            self.wfile.write(self.box.says)
            return
        raw = self.box.letters[number]
        if is_head:
            raw = raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        self.wfile.write(f"* 1 FETCH (UID {number} BODY[]<0> {{{len(raw)}}}\r\n".encode() + raw + b")\r\n")
        self.say(f"{tag} OK done".encode())

    def say(self, *lines: bytes) -> None:
        self.wfile.write(b"".join(line + b"\r\n" for line in lines))


@contextlib.contextmanager
def server() -> Iterator[Box]:
    """Run one while the block lasts."""
    box = Box()
    handler = type("Handler", (_Imap,), {"box": box})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as running:
        running.daemon_threads = True
        box.port = running.server_address[1]
        threading.Thread(target=running.serve_forever, daemon=True).start()
        try:
            yield box
        finally:
            running.shutdown()

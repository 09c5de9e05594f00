"""Taking letters: each once, by its Message-ID; machines are not answered, replies go to whom we wrote.

Fetching runs by lease and outside of transactions; each letter is taken in its own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.db import DatabaseError, DataError, transaction
from django.db.models import Q
from django.utils.translation import gettext, override

from customers import attachments, company, interactions
from customers.channels import addresses, unsubscribing
from customers.feedback import files, unknown
from customers.ground import pulse, rows
from customers.ground.errors import Refused
from customers.letters import fetching, mailboxes, reading
from customers.letters.reading import Letter
from customers.models import (
    Channel,
    Complaint,
    Consent,
    Customer,
    Interaction,
    LetterIn,
    Mailbox,
    Message,
    Sender,
    UnknownFeedback,
)

log = logging.getLogger(__name__)
SOURCE = "email"
EVERY = timedelta(seconds=60)
LEASE = timedelta(minutes=5)  # real time; longer than a look may take
REST = timedelta(minutes=10)  # after a failure
OLDEST = timedelta(days=30)
"""A letter that says it is older came late, or lies: it counts from when it came."""
Outcome = LetterIn.Outcome


def fetch_due(*, now: datetime, at: datetime) -> int:
    """Look into every mailbox whose turn it is; return how many letters were taken.

    Args:
        now: the real time, for the lease.
    """
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    due = Mailbox.objects.filter(free, is_active=True, next_at__lte=at).order_by("next_at", "pk")
    taken = 0
    for pk in list(due.values_list("pk", flat=True)):
        token = pulse.lease_token()
        if due.filter(pk=pk).update(lease_until=now + LEASE, lease_token=token):
            taken += _look(Mailbox.objects.select_related("sealed").get(pk=pk), at=at)
    return taken


def take(
    mailbox: Mailbox, raw: bytes, *, read: Callable[[bytes], Letter] | None = None, at: datetime
) -> LetterIn | None:
    """Take one letter; nothing when it was taken before.

    Args:
        read: how it is read; as far as it can be unless given.

    Side effects: feedback of somebody unknown, or an interaction where it answers a message of ours; a word
    such as 退订 in a reply takes consent back.
    """
    letter = (read or reading.read)(raw)
    key = sha256((letter.key or f"raw:{sha256(raw).hexdigest()}").encode()).hexdigest()
    stored: list[str] = []
    try:
        with transaction.atomic():
            row = LetterIn(mailbox=mailbox, key=key, outcome=Outcome.EMPTY, taken_at=at)
            if not rows.insert_new([row], known_by="key"):
                return None
            row = LetterIn.objects.get(key=key)
            row.outcome, row.unknown = _done(mailbox, letter, key=key, stored=stored, at=at)
            row.save(update_fields=["outcome", "unknown"])
    except BaseException:
        attachments.drop(stored)
        raise
    log.info("letter", extra={"mailbox": mailbox.pk, "outcome": row.outcome})
    return row


def _look(mailbox: Mailbox, *, at: datetime) -> int:
    """Look into one mailbox, which is leased; a failure is noted and tried again later."""
    said: dict[str, Any] = {"next_at": at + EVERY, "trouble": "", "stuck_uid": None, "stuck_looks": 0}
    stuck = fetching.Stuck(mailbox.stuck_uid, mailbox.stuck_looks) if mailbox.stuck_uid else None
    taken = 0
    try:
        found = fetching.fetch(
            mailbox.config,
            password=mailboxes.password_of(mailbox),
            validity=mailbox.validity,
            after=mailbox.last_uid,
            since=_unread_since(mailbox),
            stuck=stuck,
        )
        place = mailbox.last_uid if found.validity == mailbox.validity else 0
        for number, raw in found.letters:
            is_given_up = stuck is not None and stuck.number == number and stuck.is_given_up
            name = f"{found.validity}-{number}@mailbox-{mailbox.pk}" if is_given_up else ""
            taken += _taken(mailbox, raw, given_up=name, at=at)
            place = max(place, number)
        if found.is_all:
            place = max(place, found.next_uid - 1)
            said["read_at"] = at
        else:
            said["next_at"] = at
        said |= {"validity": found.validity, "last_uid": place}
    except fetching.NotFetched as error:
        looks = 1 + (stuck.looks if stuck is not None and stuck.number == error.number else 0)
        said = {"next_at": at + REST, "trouble": error.trouble}
        if error.number is not None:
            said |= {"stuck_uid": error.number, "stuck_looks": looks}
    mine = Mailbox.objects.filter(pk=mailbox.pk, lease_token=mailbox.lease_token)
    unmoved = mine.filter(changed_at=mailbox.changed_at, used_at=mailbox.used_at, is_active=True)
    if not unmoved.update(checked_at=at, lease_until=None, lease_token="", **said):
        mine.update(lease_until=None, lease_token="")  # it was changed meanwhile: begin anew
    return taken


def _unread_since(mailbox: Mailbox) -> datetime:
    """Return since when letters are ours to read that no number of the server tells from the others."""
    used_at = mailbox.used_at or mailbox.changed_at  # one in use from before that was written down
    return used_at if mailbox.read_at is None else max(used_at, mailbox.read_at - timedelta(days=1))


def _taken(mailbox: Mailbox, raw: bytes, *, given_up: str = "", at: datetime) -> int:
    """Take a letter, of an odd one what its head says; say whether it was new. None keeps the others.

    Args:
        given_up: what one is called, unless its head says it, of which there is no more than the head.
    """

    def named(raw: bytes) -> Letter:
        letter = reading.glance(raw)
        return letter if letter.key else replace(letter, key=given_up)

    for read in (named,) if given_up else (reading.read, reading.glance):
        try:
            return 1 if take(mailbox, raw, read=read, at=at) is not None else 0
        except DataError:
            log.exception("letter failed", extra={"mailbox": mailbox.pk})
        except DatabaseError:  # it is not the letter's fault: the whole look is done once more
            raise
        except Exception:
            log.exception("letter failed", extra={"mailbox": mailbox.pk})
    return 0


def _done(
    mailbox: Mailbox, letter: Letter, *, key: str, stored: list[str], at: datetime
) -> tuple[str, UnknownFeedback | None]:
    """Do what a letter asks for; return what it was, with the feedback that came of it."""
    if _is_own(mailbox, letter):
        return Outcome.OWN, None
    if letter.is_automatic:
        return Outcome.AUTOMATIC, None
    with override(company.current().language):
        uploads, left_out = _uploads(letter)
        left_out += _missing(mailbox, letter)
    words = "\n".join(filter(None, (letter.words, *left_out)))
    if _is_reply(letter, words=words, uploads=uploads, stored=stored, at=at):
        return Outcome.REPLY, None
    if not words.strip() and not uploads:
        return Outcome.EMPTY, None
    row = unknown.receive_feedback(
        kind=mailbox.kind,
        text=words.strip() or uploads[0].name or "–",
        source=SOURCE,
        external_id=letter.key[:200] or key,
        channel=Complaint.Channel.EMAIL,
        name=letter.name,
        reach=letter.sender,
        language=_language(words),
        uploads=uploads,
        occurred_at=_moment(letter, at=at),
        at=at,
    )
    return Outcome.FEEDBACK if letter.is_readable else Outcome.UNREADABLE, row


def _is_own(mailbox: Mailbox, letter: Letter) -> bool:
    """Say whether it came from an address of ours: whoever answers herself never ends."""
    own = {mailbox.config["username"], *Mailbox.objects.values_list("config__username", flat=True)}
    for config in Sender.objects.filter(channel=Channel.EMAIL).values_list("config", flat=True):
        own |= {config.get("from_address", ""), config.get("reply_to", "")}
    return letter.sender.casefold() in {str(one).casefold() for one in own if one}


def _is_reply(
    letter: Letter, *, words: str, uploads: Sequence[UploadedFile], stored: list[str], at: datetime
) -> bool:
    """Log a reply with whom we wrote to; say whether it is one, from the very address we wrote to.

    Its files become the customer's; ``stored`` is filled with the names that they lie under.
    """
    names = [one.partition("@")[0] for one in letter.named]
    wrote = Message.objects.filter(uid__in=names, channel=Channel.EMAIL, contact__erased_at=None)
    key = addresses.key_of(letter.sender, channel=Channel.EMAIL)
    mine = wrote.filter(to_key=key, contact__isnull=False).select_related("contact__customer")
    message = mine.order_by("-id").first() if names and key else None
    if message is None or message.contact is None:
        return False
    contact = message.contact
    left_out = _attached(contact.customer, uploads, stored=stored, at=at)
    interactions.log_interaction(
        contact.customer,
        kind=Interaction.Kind.EMAIL,
        text="\n".join(filter(None, (words, *left_out))) or "–",
        contact=contact,
        direction=Interaction.Direction.IN,
        by=None,
        at=at,
    )
    if unsubscribing.is_opt_out(letter.text):
        unsubscribing.withdraw(contact, channel=Channel.EMAIL, source=Consent.Source.REPLY, at=at)
    return True


def _attached(
    customer: Customer, uploads: Sequence[UploadedFile], *, stored: list[str], at: datetime
) -> list[str]:
    """Keep the files of a reply with the customer; return a line for each that is not."""
    left_out: list[str] = []
    with override(company.current().language):
        note = gettext("came with an e-mail")
        for upload in uploads:
            try:
                stored.append(attachments.attach(customer, upload, note=note, by=None, at=at).stored_as)
            except Refused as refusal:
                left_out.append(f"[{attachments.plain_name(upload)}: {refusal}]")
    return left_out


def _missing(mailbox: Mailbox, letter: Letter) -> list[str]:
    """Return what is said of a letter that was not read, or not to its end."""
    if not letter.is_readable:
        said = gettext("This letter could not be read. Look for it in the mailbox “%(mailbox)s”.")
        return [f"[{said % {'mailbox': mailbox.name}}]"]
    if letter.is_cut:
        said = gettext("The letter is larger than %(most)s MB: only its beginning was read.")
        return [f"[{said % {'most': reading.MOST_BYTES // 1024**2}}]"]
    return []


def _uploads(letter: Letter) -> tuple[list[SimpleUploadedFile], list[str]]:
    """Return the files that are kept, and a line for each that is not."""
    kept: list[SimpleUploadedFile] = []
    left_out: list[str] = []
    for one in letter.files:
        upload = SimpleUploadedFile(one.name or "file", one.content)
        try:
            if len(kept) == files.MOST:
                raise files.TooManyFiles(most=files.MOST)
            attachments.kind_of(upload)
        except Refused as refusal:
            left_out.append(f"[{attachments.plain_name(upload)}: {refusal}]")
        else:
            kept.append(upload)
    return kept, left_out[:10]


def _moment(letter: Letter, *, at: datetime) -> datetime:
    sent_at = letter.sent_at
    return sent_at if sent_at is not None and at - OLDEST < sent_at <= at else at


def _language(text: str) -> str:
    """Return the language of a letter: Chinese where it has Chinese characters, else the company's."""
    if any("\u4e00" <= one <= "\u9fff" for one in text[:2000]):
        return "zh-hans"
    return company.current().language if not text.isascii() else "en"

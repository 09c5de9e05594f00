"""Taking letters: each once, by its Message-ID; machines are not answered, replies go to whom we wrote.

Fetching runs by lease and outside of transactions; each letter is taken in its own.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from hashlib import sha256

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction
from django.db.models import Q

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


def take(mailbox: Mailbox, raw: bytes, *, at: datetime) -> LetterIn | None:
    """Take one letter; nothing when it was taken before.

    Side effects: feedback of somebody unknown, or an interaction where it answers a message of ours; a word
    such as 退订 in a reply takes consent back.
    """
    letter = reading.read(raw)
    key = sha256((letter.key or f"raw:{sha256(raw).hexdigest()}").encode()).hexdigest()
    with transaction.atomic():
        row = LetterIn(mailbox=mailbox, key=key, outcome=Outcome.EMPTY, taken_at=at)
        if not rows.insert_new([row], known_by="key"):
            return None
        row = LetterIn.objects.get(key=key)
        row.outcome, row.unknown = _done(mailbox, letter, key=key, at=at)
        row.save(update_fields=["outcome", "unknown"])
    log.info("letter", extra={"mailbox": mailbox.pk, "outcome": row.outcome})
    return row


def _look(mailbox: Mailbox, *, at: datetime) -> int:
    """Look into one mailbox, which is leased; a failure is noted and tried again later."""
    said = {"next_at": at + EVERY, "trouble": ""}
    taken = 0
    try:
        found = fetching.fetch(
            mailbox.config,
            password=mailboxes.password_of(mailbox),
            validity=mailbox.validity,
            after=mailbox.last_uid,
            since=(mailbox.checked_at or at).date() - timedelta(days=1),
        )
        place = mailbox.last_uid if found.validity == mailbox.validity else 0
        for number, raw in found.letters:
            taken += _taken(mailbox, raw, at=at)
            place = max(place, number)
        if found.is_all:
            place = max(place, found.next_uid - 1)
        else:
            said["next_at"] = at
        said |= {"validity": found.validity, "last_uid": place}
    except fetching.NotFetched as error:
        said = {"next_at": at + REST, "trouble": error.trouble}
    mine = Mailbox.objects.filter(pk=mailbox.pk, lease_token=mailbox.lease_token)
    unmoved = mine.filter(changed_at=mailbox.changed_at, is_active=True)
    if not unmoved.update(checked_at=at, lease_until=None, lease_token="", **said):
        mine.update(lease_until=None, lease_token="")  # it was changed meanwhile: begin anew
    return taken


def _taken(mailbox: Mailbox, raw: bytes, *, at: datetime) -> int:
    """Take a letter, and say whether it was new; one that cannot be taken must not keep the others."""
    try:
        return 1 if take(mailbox, raw, at=at) is not None else 0
    except DatabaseError:  # it is not the letter's fault: the whole look is done once more
        raise
    except Exception:
        log.exception("letter failed", extra={"mailbox": mailbox.pk})
        return 0


def _done(mailbox: Mailbox, letter: Letter, *, key: str, at: datetime) -> tuple[str, UnknownFeedback | None]:
    """Do what a letter asks for; return what it was, with the feedback that came of it."""
    if _is_own(mailbox, letter):
        return Outcome.OWN, None
    if letter.is_automatic:
        return Outcome.AUTOMATIC, None
    if _is_reply(letter, at=at):
        return Outcome.REPLY, None
    uploads, left_out = _uploads(letter)
    words = "\n".join(filter(None, (letter.words, *left_out)))
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
    return Outcome.FEEDBACK, row


def _is_own(mailbox: Mailbox, letter: Letter) -> bool:
    """Say whether it came from an address of ours: whoever answers herself never ends."""
    own = {mailbox.config["username"], *Mailbox.objects.values_list("config__username", flat=True)}
    for config in Sender.objects.filter(channel=Channel.EMAIL).values_list("config", flat=True):
        own |= {config.get("from_address", ""), config.get("reply_to", "")}
    return letter.sender.casefold() in {str(one).casefold() for one in own if one}


def _is_reply(letter: Letter, *, at: datetime) -> bool:
    """Log a reply with whom we wrote to; say whether it is one, from the very address we wrote to."""
    names = [one.partition("@")[0] for one in letter.named]
    wrote = Message.objects.filter(uid__in=names, channel=Channel.EMAIL, contact__erased_at=None)
    key = addresses.key_of(letter.sender, channel=Channel.EMAIL)
    mine = wrote.filter(to_key=key, contact__isnull=False).select_related("contact__customer")
    message = mine.order_by("-id").first() if names and key else None
    if message is None or message.contact is None:
        return False
    contact = message.contact
    interactions.log_interaction(
        contact.customer,
        kind=Interaction.Kind.EMAIL,
        text=letter.words or "–",
        contact=contact,
        direction=Interaction.Direction.IN,
        by=None,
        at=at,
    )
    if unsubscribing.is_opt_out(letter.text):
        unsubscribing.withdraw(contact, channel=Channel.EMAIL, source=Consent.Source.REPLY, at=at)
    return True


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

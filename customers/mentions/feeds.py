"""Feeds that are looked at by the clock: what they hold becomes mentions, an edit there a version here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from customers.channels import calling
from customers.channels.destinations import NotReached
from customers.ground import audit
from customers.ground.errors import Refused
from customers.mentions import reading
from customers.mentions.landing import MentionRecord, name_of, upsert_mentions
from customers.mentions.reading import NotAFeed, Post
from customers.mentions.recording import is_address
from customers.models import Mention, MentionFeed, User

MOST_BYTES = 2 * 1024 * 1024
MOST_FEEDS = 40  # of one pass
EVERY = timedelta(minutes=15)
SELDOM = timedelta(days=1)  # at the longest, while it fails
_ACCEPT = {
    "Accept": "application/atom+xml, application/rss+xml, application/xml;q=0.9, text/xml;q=0.8",
    "Accept-Encoding": "identity",
    "User-Agent": "Liuke (feed reader)",
}
_OF_THE_WORLD = re.compile(r"(?:https?|tag|urn):", re.IGNORECASE)  # no other feed names a post so
_MOVED = {301, 302, 303, 307, 308}
Problem = MentionFeed.Problem


class FeedRefused(Refused):
    code = "feed_refused"
    message = _("Write an address that begins with https://, without user or password.")


class FeedTwice(Refused):
    code = "feed_twice"
    message = _("This address is looked at already.")


def add_feed(
    *, name: str, url: str, platform: str = Mention.Platform.WEB, by: User | None, now: datetime, at: datetime
) -> MentionFeed:
    """Add a feed; it is looked at within minutes, and what was posted before ``at`` calls nobody to act.

    ``now``: the real time, by which it is looked at. Raises :class:`FeedRefused`, :class:`FeedTwice`. Side
    effects: audit ``mention_feed.add``.
    """
    url = _sound(url)
    try:
        with transaction.atomic():
            feed = MentionFeed.objects.create(
                name=name.strip(), url=url, platform=Mention.Platform(platform), made_at=at, due_at=now
            )
            audit.record("mention_feed.add", obj=feed, by=by, at=at)
    except IntegrityError as error:
        raise FeedTwice() from error
    return feed


def change_feed(
    feed: MentionFeed,
    *,
    name: str,
    url: str,
    platform: str,
    is_active: bool,
    by: User | None,
    now: datetime,
    at: datetime,
) -> MentionFeed:
    """Change a feed, or stop looking at it; it is tried at once.

    Raises :class:`FeedRefused`, :class:`FeedTwice`. Side effects: audit ``mention_feed.change``.
    """
    wanted = {
        "name": name.strip(),
        "url": _sound(url),
        "platform": Mention.Platform(platform),
        "is_active": is_active,
    }
    try:
        with transaction.atomic():
            feed = MentionFeed.objects.select_for_update().get(pk=feed.pk)
            changed = sorted(field for field, value in wanted.items() if getattr(feed, field) != value)
            if changed:
                fresh: dict[str, Any] = {"due_at": now, "failures": 0, "problem": "", "etag": ""}
                fresh |= {"read_at": None} if "url" in changed else {}
                if "url" in changed or feed.problem:
                    fresh["looked_at"] = None
                MentionFeed.objects.filter(pk=feed.pk).update(**wanted, **fresh)
                audit.record("mention_feed.change", obj=feed, by=by, at=at, codes={"changed": changed})
    except IntegrityError as error:
        raise FeedTwice() from error
    feed.refresh_from_db()
    return feed


def look_at_due(*, now: datetime, at: datetime, most: int = MOST_FEEDS) -> int:
    """Look at the feeds that are due, at most ``most``; return how many. Each is taken by one worker."""
    due = MentionFeed.objects.filter(is_active=True, due_at__lte=now).order_by("due_at", "id")
    done = 0
    for feed in due[:most]:
        mine = MentionFeed.objects.filter(pk=feed.pk, due_at=feed.due_at, is_active=True)
        if mine.update(due_at=now + EVERY):
            look(feed, now=now, at=at)
            done += 1
    return done


def look(feed: MentionFeed, *, now: datetime, at: datetime) -> None:
    """Fetch a feed and land its posts; a failure is kept and makes the next look later, up to a day."""
    problem, etag = _fetch(feed, at=at)
    failures = feed.failures + 1 if problem else 0
    wait = min(EVERY * 2 ** min(failures, 10), SELDOM) if problem else EVERY
    MentionFeed.objects.filter(pk=feed.pk, url=feed.url).update(
        problem=problem, failures=min(failures, 1000), looked_at=now, due_at=now + wait, etag=etag
    )


def _fetch(feed: MentionFeed, *, at: datetime) -> tuple[str, str]:
    """Return what went wrong, if anything, and the mark of what was read."""
    asked = {**_ACCEPT, **({"If-None-Match": feed.etag} if feed.etag else {})}
    try:
        got = calling.get(feed.url, headers=asked, most=MOST_BYTES)
    except NotReached:
        return Problem.NOT_REACHED, feed.etag
    except calling.NoAnswer:
        return Problem.NO_ANSWER, feed.etag
    if got.status == 304:
        return "", feed.etag
    if got.status != 200:
        return (Problem.MOVED if got.status in _MOVED else Problem.REFUSED), ""
    if not got.is_whole:
        return Problem.TOO_LARGE, ""
    try:
        posts = reading.read(got.body, base=feed.url)
    except NotAFeed:
        return Problem.NOT_A_FEED, ""
    upsert_mentions(records(posts, feed, at=at), source="feed", at=at)
    MentionFeed.objects.filter(pk=feed.pk, url=feed.url).update(read_at=at)
    mark = got.headers.get("etag", "")
    return "", mark if len(mark) <= 200 and mark.isascii() and mark.isprintable() else ""


def records(posts: Iterable[Post], feed: MentionFeed, *, at: datetime) -> list[MentionRecord]:
    """Return posts as they land; of a feed never read before those without a moment are history."""
    return [_record(post, feed, at=at) for post in posts]


def _record(post: Post, feed: MentionFeed, *, at: datetime) -> MentionRecord:
    # one that lies after ``at`` would be another moment at every look
    posted_at = post.posted_at if post.posted_at is not None and post.posted_at <= at else None
    return MentionRecord(
        external_id=name_of(_named(post, feed)),
        platform=feed.platform,
        occurred_at=posted_at,
        recorded_at=at,
        values={"handle": post.handle, "url": post.url, "text": post.text},
        history=posted_at < feed.made_at if posted_at is not None else not _was_read(feed),
    )


def _was_read(feed: MentionFeed) -> bool:
    """Say whether a look brought posts; one before that was written down counts by how the last one went."""
    return feed.read_at is not None or (feed.looked_at is not None and not feed.problem)


def _named(post: Post, feed: MentionFeed) -> str:
    """Return what a post is called by whatever feed it comes: a number of one site alone with its name."""
    if _OF_THE_WORLD.match(post.external_id):
        return post.external_id
    return f"{urlsplit(post.url).hostname or urlsplit(feed.url).hostname}:{post.external_id}"


def _sound(url: str) -> str:
    url = url.strip()
    try:
        parts = urlsplit(url)
        is_sound = bool(parts.hostname) and (parts.port or 1) > 0 and not (parts.username or parts.password)
    except ValueError:
        is_sound = False
    if not (is_sound and parts.scheme in ("https", "http") and url.isascii() and is_address(url)):
        raise FeedRefused()
    return parts._replace(fragment="").geturl()

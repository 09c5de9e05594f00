"""Links by which people answer: one each for whom we know, open ones for everybody else.

A token has 256 random bits; only a hash is stored, made so that the token of another kind of link never
opens a survey. Links that are unknown, used, expired, revoked or of a closed survey look the same.

The token of a link that a message carries follows from a salt and the server's secret, because a reminder
brings the same link again; that of a text message has 128 bits, so that the text stays short.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any, cast

from django.core import signing
from django.db import models, transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from customers import company, objections, stubs
from customers.ground import audit, link_tokens
from customers.ground.errors import Refused
from customers.models import Contact, User
from surveys import asked
from surveys.building import SurveyNotLive
from surveys.definition import best, read
from surveys.models import Invitation, OpenLink, Survey, SurveyVersion

LASTS = timedelta(days=30)
MOST_OPEN = 50
_TICKET = "surveys.open"
_KIND = "survey"  # of links
_SHORT = "short."
SHORT_TOKEN = 22
"""Letters of a token of 128 bits."""


class TooManyLinks(Refused):
    code = "too_many_survey_links"
    message = _("This survey has %(most)s open links already. Revoke one first.")


def invite(
    survey: Survey,
    contact: Contact,
    *,
    occasion: models.Model | None = None,
    language: str = "",
    by: User | None,
    now: datetime,
    at: datetime,
) -> tuple[Invitation, str]:
    """Let a contact answer a live survey once; return the invitation with its token, stored nowhere.

    Args:
        occasion: what it asks about (a complaint, a call). ``language``: that of the contact unless given;
            one that the survey does not speak falls back on its first.
        now: the real time; the link works for 30 days of it. ``at``: the product's, for the audit.

    Raises :class:`SurveyNotLive`, ``Erased``. Side effects: audit ``survey.invite``.
    """
    token = secrets.token_urlsafe(32)
    about = (occasion._meta.label_lower, occasion.pk) if occasion is not None else ("", None)
    invitation = _invite(
        survey, contact, about=about, language=language, token=token, salt="", by=by, now=now, at=at
    )
    return invitation, token


def invite_by_message(
    survey: Survey,
    contact: Contact,
    *,
    about: tuple[str, int | None],
    is_short: bool,
    by: User | None,
    now: datetime,
    at: datetime,
) -> Invitation:
    """Do what :func:`invite` does for a link that a message carries: :func:`sent_token` gives its token.

    Args:
        about: label and number of what it asks about.
        is_short: whether the token has to be short.
    """
    salt = (_SHORT if is_short else "") + secrets.token_hex(16)
    token = _sent_token(salt)
    return _invite(survey, contact, about=about, language="", token=token, salt=salt, by=by, now=now, at=at)


def sent_token(invitation: Invitation) -> str:
    """Return the token of a link that a message carries; nothing once the server's secret has changed."""
    token = _sent_token(invitation.salt) if invitation.salt else ""
    return token if link_tokens.is_same(token, kind=_KIND, stored=invitation.token_hash) else ""


def revoke(invitation: Invitation, *, by: User | None, now: datetime, at: datetime) -> bool:
    """Let a link open nothing from now on; return whether it was open. Audit ``survey.revoke``."""
    with transaction.atomic():
        rows = Invitation.objects.filter(pk=invitation.pk, answered_at=None, revoked_at=None)
        if not rows.update(revoked_at=now):
            return False
        audit.record(
            "survey.revoke", obj=invitation, by=by, at=at, customer_id=invitation.customer_id, codes={}
        )
    return True


def make_open_link(
    survey: Survey,
    *,
    label: str,
    asks: str = OpenLink.Asks.NOBODY,
    by: User | None,
    now: datetime,
    at: datetime,
) -> OpenLink:
    """Make a link by which anybody answers a live survey.

    Args:
        asks: whether the page asks who one is (``OpenLink.Asks``).

    Raises :class:`SurveyNotLive`, :class:`TooManyLinks`. Side effects: audit ``survey.open_link``.
    """
    with transaction.atomic():
        _live_version(survey)
        if OpenLink.objects.filter(survey=survey, revoked_at=None).count() >= MOST_OPEN:
            raise TooManyLinks(most=MOST_OPEN)
        salt = secrets.token_hex(16)
        link = OpenLink.objects.create(
            survey=survey,
            label=label.strip(),
            asks=OpenLink.Asks(asks),
            salt=salt,
            token_hash=hash_of(_open_token(salt)),
            made_at=now,
            by=by,
        )
        audit.record("survey.open_link", obj=link, by=by, at=at, codes={"survey": survey.pk})
    return link


def revoke_open_link(link: OpenLink, *, by: User | None, now: datetime, at: datetime) -> bool:
    """Let an open link open nothing from now on; return whether it was open. Audit ``survey.revoke_open``."""
    with transaction.atomic():
        if not OpenLink.objects.filter(pk=link.pk, revoked_at=None).update(revoked_at=now):
            return False
        audit.record("survey.revoke_open", obj=link, by=by, at=at, codes={"survey": link.survey_id})
    return True


def token_of(link: OpenLink) -> str:
    """Return the token of an open link; nothing once the server's secret has changed."""
    token = _open_token(link.salt)
    return token if link_tokens.is_same(token, kind=_KIND, stored=link.token_hash) else ""


def find(token: str, *, now: datetime) -> Invitation | None:
    """Return the invitation that a token opens at ``now`` (real time); nothing for every other token."""
    return _opened(now, token_hash=hash_of(token))


def is_open(invitation: Invitation, *, now: datetime) -> bool:
    """Say whether the link of an invitation still opens its survey at ``now`` (real time)."""
    return _opened(now, pk=invitation.pk) is not None


def find_open(token: str) -> OpenLink | None:
    """Return the open link that a token opens; nothing for every other token."""
    rows = OpenLink.objects.filter(
        token_hash=hash_of(token), revoked_at=None, survey__status=Survey.Status.LIVE
    )
    return rows.select_related("survey").first()


def ticket(link: OpenLink) -> str:
    """Return what makes one visit to an open link one answer: the page sends it along."""
    return signing.dumps([link.pk, secrets.token_urlsafe(32)], salt=_TICKET)


def begin(link: OpenLink, given: str, *, language: str, now: datetime) -> tuple[Invitation, str] | None:
    """Return the invitation of one visit to an open link with its token, made at its first press.

    Args:
        given: the ticket that the page sent, up to a day old; nothing comes of one that we did not give.

    A second press with the same ticket finds the same invitation, so that it is one answer.
    """
    try:
        pk, token = signing.loads(given, salt=_TICKET, max_age=timedelta(days=1))
    except (signing.BadSignature, ValueError, TypeError):
        return None
    if pk != link.pk:
        return None
    try:
        version = _live_version(link.survey)
    except SurveyNotLive:  # closed since the link was looked up
        return None
    Invitation.objects.bulk_create(
        [
            Invitation(
                survey_id=link.survey_id,
                version=version,
                link=link,
                language=best(language, read(version.document).languages),
                token_hash=hash_of(token),
                made_at=now,
                expires_at=now + LASTS,
            )
        ],
        ignore_conflicts=True,
    )
    found = find(token, now=now)
    return (found, token) if found is not None else None


def hash_of(token: str) -> str:
    """Return what is stored of a token."""
    return link_tokens.hash_of(_KIND, token)


def _open_token(salt: str) -> str:
    return link_tokens.token_of("surveys.open_link", salt)


def _sent_token(salt: str) -> str:
    return link_tokens.token_of("surveys.invitation", salt, size=16 if salt.startswith(_SHORT) else 32)


def _opened(now: datetime, **which: Any) -> Invitation | None:
    """Return the invitation if its link opens at ``now``: one plain join, for it is asked at every visit."""
    rows = Invitation.objects.filter(**which).select_related("version", "link")
    beside = {"erased_at": F("contact__erased_at"), "survey_status": F("survey__status")}
    row: Any = next(iter(rows.annotate(**beside)[:1]), None)  # what is drawn, and no more
    if row is None or row.answered_at or row.revoked_at or row.expires_at <= now:
        return None
    if row.erased_at or row.survey_status != Survey.Status.LIVE or (row.link and row.link.revoked_at):
        return None
    return cast(Invitation, row)


def _invite(
    survey: Survey,
    contact: Contact,
    *,
    about: tuple[str, int | None],
    language: str,
    token: str,
    salt: str,
    by: User | None,
    now: datetime,
    at: datetime,
) -> Invitation:
    with transaction.atomic():
        if stubs.resolved_one(contact.customer_id) != contact.customer_id:  # merged since it was read
            contact = Contact.objects.select_related("customer").get(pk=contact.pk)
        objections.refuse_erased(contact)
        version = _live_version(survey)
        wanted = language or contact.language or contact.customer.language or company.current().language
        invitation = Invitation.objects.create(
            survey=survey,
            version=version,
            customer_id=contact.customer_id,
            contact=contact,
            occasion_type=about[0],
            occasion_id=about[1],
            language=best(wanted, read(version.document).languages),
            token_hash=hash_of(token),
            salt=salt,
            made_at=now,
            by=by,
            expires_at=now + LASTS,
        )
        asked.note([invitation], at=at)
        codes = {"survey": survey.pk, "version": version.number, "contact": contact.pk}
        audit.record(
            "survey.invite", obj=invitation, by=by, at=at, customer_id=contact.customer_id, codes=codes
        )
    return invitation


def _live_version(survey: Survey) -> SurveyVersion:
    newest = SurveyVersion.objects.filter(survey=survey, survey__status=Survey.Status.LIVE)
    version = newest.order_by("-number").first()
    if version is None:
        raise SurveyNotLive()
    return version

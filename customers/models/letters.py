"""Letters that come in by e-mail: the mailboxes that are looked into, and what became of each letter."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.ground.privacy import declare
from customers.models.complaints import FeedbackKind
from customers.models.feedback import UnknownFeedback


class Mailbox(models.Model):
    """A folder of a mail server (IMAP) that is read and never changed; its password lies under seal."""

    class Trouble(models.TextChoices):
        NOT_REACHED = "not_reached", _("the mail server was not reached")
        SIGN_IN = "sign_in", _("the mail server refuses the user name or the password")
        NO_FOLDER = "no_folder", _("the mail server has no such folder")
        ODD_ANSWER = "odd_answer", _("the mail server answered something that is no IMAP")

    name = models.CharField(_("name"), max_length=100)
    kind = models.CharField(
        _("letters are, unless said otherwise"), max_length=10, choices=FeedbackKind.choices
    )
    config = models.JSONField(default=dict)  # all but the password
    sealed = models.ForeignKey("ground.SealedValue", null=True, on_delete=models.PROTECT, related_name="+")
    is_active = models.BooleanField(_("in use"), default=False)
    made_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    checked_at = models.DateTimeField(null=True)  # when it was looked into last, well or not
    trouble = models.CharField(max_length=12, choices=Trouble.choices, blank=True, default="")
    validity = models.BigIntegerField(null=True)  # of the server's numbers (UIDVALIDITY)
    last_uid = models.BigIntegerField(default=0)
    used_at = models.DateTimeField(null=True)  # letters that came before are not ours to read
    read_at = models.DateTimeField(null=True)  # when all that lay there had been read
    stuck_uid = models.BigIntegerField(null=True)  # of the letter at which looks fail
    stuck_looks = models.PositiveSmallIntegerField(default=0, db_default=0)  # in a row
    next_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)  # real time
    lease_token = models.CharField(max_length=32, blank=True, default="")

    privacy = declare(
        none_keep="id name kind config sealed is_active made_at changed_at checked_at trouble validity "
        "last_uid used_at read_at stuck_uid stuck_looks next_at lease_until lease_token"
    )

    def __str__(self) -> str:
        return self.name


class LetterIn(models.Model):
    """One letter that was looked at, so that it is looked at once; of it only a hash of its name is kept."""

    class Outcome(models.TextChoices):
        FEEDBACK = "feedback", pgettext_lazy("letter", "is feedback")
        REPLY = "reply", pgettext_lazy("letter", "answers a message of ours")
        AUTOMATIC = "automatic", pgettext_lazy("letter", "was sent by a machine")
        OWN = "own", pgettext_lazy("letter", "came from ourselves")
        EMPTY = "empty", pgettext_lazy("letter", "says nothing")
        UNREADABLE = "unreadable", pgettext_lazy("letter", "could not be read")

    mailbox = models.ForeignKey(Mailbox, on_delete=models.PROTECT, related_name="letters")
    key = models.CharField(max_length=64, unique=True)  # a hash of its Message-ID
    outcome = models.CharField(max_length=12, choices=Outcome.choices)
    unknown = models.ForeignKey(UnknownFeedback, null=True, on_delete=models.PROTECT, related_name="+")
    taken_at = models.DateTimeField()

    privacy = declare(none_keep="id mailbox key outcome unknown taken_at")

"""What people write about the company in public: posts and reviews."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.facts import FACT_PRIVACY, Fact, twin_of
from customers.ground.privacy import declare
from customers.models.customers import Customer
from customers.models.people import User


class MentionQuerySet(models.QuerySet["Mention"]):
    def visible_to(self, user: User) -> MentionQuerySet:
        """Return mentions by customers that ``user`` may see, and those of nobody known, which are public."""
        if not user.is_active:
            return self.none()
        if user.sees_all:
            return self
        visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
        return self.filter(Q(customer=None) | Exists(visible.filter(pk=OuterRef("customer_id"))))


class Mention(Fact):
    """A public post or review; ``occurred_at`` is when it was posted. Its customer may be unknown."""

    class Platform(models.TextChoices):
        WEIBO = "weibo", _("Weibo")
        XIAOHONGSHU = "xiaohongshu", _("Xiaohongshu")
        DOUYIN = "douyin", _("Douyin")
        DIANPING = "dianping", _("Dianping")
        GOOGLE = "google", _("Google reviews")
        APP_STORE = "app_store", _("app store")
        X = "x", "X"
        FACEBOOK = "facebook", "Facebook"
        INSTAGRAM = "instagram", "Instagram"
        LINKEDIN = "linkedin", "LinkedIn"
        WEB = "web", _("website or feed")
        OTHER = "other", pgettext_lazy("social platform", "other")

    class Sentiment(models.TextChoices):
        NEGATIVE = "negative", _("negative")
        NEUTRAL = "neutral", _("neutral")
        POSITIVE = "positive", _("positive")
        UNSURE = "unsure", _("not sure")

    class Judged(models.TextChoices):
        RATING = "rating", pgettext_lazy("told by", "the stars")
        TEXT = "text", pgettext_lazy("told by", "the text")
        PERSON = "person", pgettext_lazy("told by", "a colleague")

    customer = models.ForeignKey(  # type: ignore[assignment]
        Customer, null=True, on_delete=models.PROTECT, related_name="mentions", db_index=False
    )
    contact = models.ForeignKey("customers.Contact", null=True, on_delete=models.PROTECT, related_name="+")
    platform = models.CharField(_("platform"), max_length=12, choices=Platform.choices)
    external_id = models.CharField(max_length=200)  # the platform's, or its address: one post is one row
    handle = models.CharField(_("name there"), max_length=100, blank=True)
    url = models.URLField(_("address"), max_length=1000, blank=True)
    text = models.TextField(_("text"), blank=True)
    rating = models.DecimalField(_("stars"), max_digits=3, decimal_places=1, null=True)  # of five
    sentiment = models.CharField(
        _("sentiment"), max_length=8, choices=Sentiment.choices, default=Sentiment.UNSURE
    )
    judged = models.CharField(  # by what the sentiment was told
        _("told by"), max_length=6, choices=Judged.choices, default=Judged.TEXT, db_default=Judged.TEXT
    )
    source = models.CharField(max_length=32)  # form, import, api, webhook, feed

    objects: ClassVar[models.Manager[Mention]] = MentionQuerySet.as_manager()  # type: ignore[assignment]

    privacy = {
        **FACT_PRIVACY,
        **declare(
            none_keep="platform source",
            conduct_keep="contact rating sentiment judged",
            reach_blank="external_id handle url",
            text_blank="text",
        ),
    }

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["platform", "external_id"], condition=~Q(external_id=""), name="mention_once"
            ),
            models.CheckConstraint(
                condition=Q(rating__isnull=True) | Q(rating__gte=0, rating__lte=5),
                name="mention_of_five_stars",
            ),
        ]
        indexes = [
            models.Index(
                fields=[
                    "customer",
                    "-occurred_at",
                    "-id",
                    "occurred_day",
                    "recorded_at",
                    "sentiment",
                    "void",
                ],
                name="mention_pass",
            ),
            models.Index(fields=["occurred_day", "customer"], name="mention_crossing"),
            # the day leads, so that no pass over customers is tempted by it
            models.Index(fields=["-occurred_day", "-occurred_at", "-id"], name="mention_newest"),
            models.Index(fields=["contact"], name="mention_contact"),
            models.Index(
                fields=["-occurred_at", "-id"],
                condition=Q(customer__isnull=True, void=False),
                name="mention_open",
            ),
        ]


MentionVersion = twin_of(Mention)


class MentionFeed(models.Model):
    """A feed (RSS or Atom) that is looked at by the clock."""

    class Problem(models.TextChoices):
        """Why the last look brought nothing: a closed vocabulary."""

        NOT_REACHED = "not_reached", _("not reached, or an address that is not called")
        NO_ANSWER = "no_answer", _("no whole answer in time")
        MOVED = "moved", _("it has moved: enter the new address")
        REFUSED = "refused", _("the site refused it")
        TOO_LARGE = "too_large", _("larger than 2 MB")
        NOT_A_FEED = "not_a_feed", _("not a feed that can be read")

    name = models.CharField(_("name"), max_length=100)
    url = models.URLField(_("address"), max_length=1000, unique=True)
    platform = models.CharField(
        _("platform"), max_length=12, choices=Mention.Platform.choices, default=Mention.Platform.WEB
    )
    is_active = models.BooleanField(_("in use"), default=True)
    made_at = models.DateTimeField()  # what was posted before is history: nobody is called to act
    due_at = models.DateTimeField()  # of the next look (real time)
    looked_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(
        null=True
    )  # when a look brought posts last; nothing: what it holds is history
    failures = models.PositiveSmallIntegerField(default=0)  # in a row
    problem = models.CharField(max_length=12, choices=Problem.choices, blank=True)
    etag = models.CharField(max_length=200, blank=True)

    privacy = declare(
        none_keep="id name url platform is_active made_at due_at looked_at read_at failures problem etag"
    )

    class Meta:
        indexes = [
            models.Index(fields=["due_at", "id"], condition=Q(is_active=True), name="mention_feed_due")
        ]

    def __str__(self) -> str:
        return self.name


class MentionHook(models.Model):
    """An address to which a program sends mentions, signed with a secret that lies under seal."""

    name = models.CharField(_("name"), max_length=100)
    hook = models.CharField(max_length=43, unique=True)  # of the address
    sealed = models.ForeignKey("ground.SealedValue", null=True, on_delete=models.PROTECT, related_name="+")
    is_active = models.BooleanField(_("in use"), default=True)
    made_at = models.DateTimeField()
    called_at = models.DateTimeField(null=True)

    privacy = declare(none_keep="id name sealed is_active made_at called_at", key_keep="hook")

    def __str__(self) -> str:
        return self.name


class MentionCall(models.Model):
    """A call of a hook that was taken: the same one is not taken twice."""

    hook = models.ForeignKey(MentionHook, on_delete=models.CASCADE, related_name="calls", db_index=False)
    call_id = models.CharField(max_length=200)
    at = models.DateTimeField()

    privacy = declare(none_keep="id hook call_id at")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["hook", "call_id"], name="mention_call_once")]
        indexes = [models.Index(fields=["at"], name="mention_call_old")]

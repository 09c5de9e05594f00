"""Communities (社群) of customers, and who belongs to them."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.facts import FACT_PRIVACY, Fact, twin_of
from customers.ground.privacy import declare


class Platform(models.TextChoices):
    """Where a community meets."""

    WECHAT = "wechat", _("WeChat group")
    WECOM = "wecom", _("WeCom group")
    QQ = "qq", _("QQ group")
    DINGTALK = "dingtalk", _("DingTalk group")
    FORUM = "forum", _("forum")
    OTHER = "other", _("another place")


class Community(models.Model):
    """One community; a retired one takes nobody in any more, and its members stay readable."""

    code = models.SlugField(_("code"), max_length=32, unique=True)
    name = models.CharField(_("name"), max_length=100)
    platform = models.CharField(_("platform"), max_length=8, choices=Platform.choices)
    is_retired = models.BooleanField(default=False)

    privacy = declare(none_keep="id code name platform is_retired")

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class CommunityMembership(Fact):
    """That a customer, or one of its people, belongs to a community since ``occurred_at``.

    It counts as standing until ``left_day``, the local day of ``left_at``.
    """

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="+")
    contact = models.ForeignKey(
        "customers.Contact", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    left_at = models.DateTimeField(null=True)
    left_day = models.IntegerField(null=True)

    privacy = {**FACT_PRIVACY, **declare(conduct_keep="community contact left_at left_day")}

    class Meta:
        indexes = [
            models.Index(
                fields=["customer", "occurred_day", "occurred_at", "recorded_at", "left_day", "void"],
                name="community_pass",
            ),
            models.Index(fields=["occurred_day", "customer"], name="community_crossing"),
            models.Index(fields=["left_day", "customer"], name="community_left_crossing"),
        ]


CommunityMembershipVersion = twin_of(CommunityMembership)

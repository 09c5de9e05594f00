"""Under which names customers and their contacts are known on social media and messengers."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.ground.privacy import declare
from customers.models.customers import Contact, Customer


class SocialHandle(models.Model):
    """A name on a platform: the customer's own, or one contact's."""

    class Platform(models.TextChoices):
        WECHAT = "wechat", _("WeChat")
        WECOM = "wecom", _("WeCom")
        QQ = "qq", "QQ"
        WEIBO = "weibo", _("Weibo")
        DOUYIN = "douyin", _("Douyin")
        XIAOHONGSHU = "xiaohongshu", _("Xiaohongshu")
        DINGTALK = "dingtalk", _("DingTalk")
        WHATSAPP = "whatsapp", "WhatsApp"
        LINKEDIN = "linkedin", "LinkedIn"
        FACEBOOK = "facebook", "Facebook"
        INSTAGRAM = "instagram", "Instagram"
        X = "x", "X"
        TELEGRAM = "telegram", "Telegram"
        LINE = "line", "LINE"
        DIANPING = "dianping", _("Dianping")
        GOOGLE = "google", _("Google reviews")
        APP_STORE = "app_store", _("app store")
        OTHER = "other", pgettext_lazy("social platform", "other")

    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, related_name="social_handles", db_index=False
    )
    contact = models.ForeignKey(
        Contact,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="social_handles",
        db_index=False,
    )
    platform = models.CharField(_("platform"), max_length=12, choices=Platform.choices)
    handle = models.CharField(_("name there"), max_length=100)
    created_at = models.DateTimeField()

    privacy = declare(none_keep="id customer contact platform created_at", reach_destroy="handle")

    class Meta:
        ordering = ["platform", "id"]
        indexes = [
            models.Index(fields=["customer", "platform", "id"], name="handle_customer"),
            models.Index(fields=["contact"], name="handle_contact"),
            models.Index(fields=["platform", "handle"], name="handle_name"),  # whose is it?
            models.Index(models.F("platform"), Lower("handle"), name="handle_any_case"),  # and written anyhow
        ]

    def __str__(self) -> str:
        return self.handle

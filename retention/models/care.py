"""Care: what customers are greeted for, who was greeted when, and who is left out on purpose."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.ground.privacy import declare
from customers.models import Channel, Contact, ContactReason, ContactReservation, Customer, Message, User
from loyalty.models import PointsEntry
from retention.models.segments import Segment


class CarePlan(models.Model):
    """One occasion on which customers hear from the company, what is said, and what is given with it.

    ``holdout_share`` in hundredths of a percent. ``version`` counts what was written anew; what it said is
    in :class:`CarePlanVersion`.
    """

    class Occasion(models.TextChoices):
        BIRTHDAY = "birthday", _("birthday")
        SINCE = "since", _("anniversary of becoming a customer")
        FIRST_ORDER = "first_order", _("anniversary of the first order")
        FESTIVAL = "festival", _("festival")
        ORDERS = "orders", _("thanks after so many orders")

    class Festival(models.TextChoices):
        NEW_YEAR = "new_year", _("New Year’s Day")
        SPRING = "spring", _("Spring Festival")
        LANTERN = "lantern", _("Lantern Festival")
        DRAGON_BOAT = "dragon_boat", _("Dragon Boat Festival")
        QIXI = "qixi", _("Qixi Festival")
        MID_AUTUMN = "mid_autumn", _("Mid-Autumn Festival")
        DOUBLE_NINTH = "double_ninth", _("Double Ninth Festival")
        NATIONAL = "national", _("National Day of China")
        CHRISTMAS = "christmas", _("Christmas")
        OWN = "own", _("a day of our own")

    class State(models.TextChoices):
        DRAFT = "draft", pgettext_lazy("care plan", "draft")
        LIVE = "live", pgettext_lazy("care plan", "running")
        PAUSED = "paused", pgettext_lazy("care plan", "paused")

    code = models.SlugField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=100)
    name_alt = models.CharField(_("name in the other language"), max_length=100, blank=True)
    state = models.CharField(_("state"), max_length=6, choices=State.choices, default=State.DRAFT)
    version = models.PositiveIntegerField(default=1)
    occasion = models.CharField(_("occasion"), max_length=11, choices=Occasion.choices)
    festival = models.CharField(_("festival"), max_length=12, choices=Festival.choices, blank=True)
    calendar = models.CharField(  # of a day of our own
        _("calendar"), max_length=5, choices=Contact.BirthCalendar.choices, blank=True
    )
    month = models.PositiveSmallIntegerField(_("month"), null=True)
    day = models.PositiveSmallIntegerField(_("day"), null=True)
    orders = models.PositiveIntegerField(_("after so many orders"), null=True)
    days_before = models.PositiveSmallIntegerField(_("days before"), default=0)
    segment = models.ForeignKey(Segment, null=True, on_delete=models.PROTECT, related_name="+")
    language = models.CharField(_("only who is written to in"), max_length=10, blank=True)
    channel = models.CharField(  # empty: her preferred one, else the first that is open
        _("channel"), max_length=12, choices=Channel.choices, blank=True
    )
    subject_en = models.CharField(_("English subject"), max_length=150, blank=True)
    subject_zh = models.CharField(_("Chinese subject"), max_length=150, blank=True)
    text_en = models.TextField(_("English text"), blank=True)
    text_zh = models.TextField(_("Chinese text"), blank=True)
    points = models.PositiveIntegerField(_("points given"), default=0)
    gift_en = models.CharField(_("gift in English"), max_length=150, blank=True)
    gift_zh = models.CharField(_("gift in Chinese"), max_length=150, blank=True)
    holdout_share = models.PositiveSmallIntegerField(default=0)
    holdout_salt = models.CharField(max_length=64)
    live_from_day = models.IntegerField(null=True)  # local day on which it was first started
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    changed_at = models.DateTimeField()

    privacy = declare(
        none_keep="id code name name_alt state version occasion festival calendar month day orders "
        "days_before segment language channel subject_en subject_zh text_en text_zh points gift_en gift_zh "
        "holdout_share holdout_salt live_from_day made_at changed_at",
        staff_keep="made_by",
    )

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(occasion="festival") & ~Q(festival="") | ~Q(occasion="festival") & Q(festival=""),
                name="care_plan_festival",
            ),
            models.CheckConstraint(
                condition=Q(festival="own", month__range=(1, 12), day__range=(1, 31)) & ~Q(calendar="")
                | ~Q(festival="own") & Q(calendar="", month__isnull=True, day__isnull=True),
                name="care_plan_own_day",
            ),
            models.CheckConstraint(
                condition=Q(occasion="orders", orders__gte=1)
                | ~Q(occasion="orders") & Q(orders__isnull=True),
                name="care_plan_orders",
            ),
            models.CheckConstraint(condition=Q(days_before__lte=30), name="care_plan_days_before"),
            models.CheckConstraint(condition=Q(holdout_share__lte=5000), name="care_plan_holdout"),
            models.CheckConstraint(
                condition=Q(points=0) | Q(gift_en="", gift_zh=""), name="care_plan_one_gift"
            ),
            models.CheckConstraint(
                condition=Q(state="draft") | Q(live_from_day__isnull=False), name="care_plan_started"
            ),
        ]

    def __str__(self) -> str:
        return self.said_name(translation.get_language() or "en")

    def said_name(self, language: str) -> str:
        """Return the name; in Chinese pages the one in Chinese signs where there is one."""
        names = [one for one in (self.name, self.name_alt) if one]
        is_chinese = language.startswith("zh")
        fitting = [one for one in names if any("一" <= sign <= "鿿" for sign in one) == is_chinese]
        return (fitting or names or [self.code])[0]

    def said(self, name: str, language: str) -> str:
        """Return ``subject``, ``text`` or ``gift`` in a language, in the other one where it is missing."""
        english, chinese = getattr(self, f"{name}_en"), getattr(self, f"{name}_zh")
        found: str = (chinese or english) if language.startswith("zh") else (english or chinese)
        return found


class CarePlanVersion(models.Model):
    """What a plan said in one version."""

    plan = models.ForeignKey(CarePlan, on_delete=models.PROTECT, related_name="versions", db_index=False)
    version = models.PositiveIntegerField()
    said = models.JSONField()
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    privacy = declare(none_keep="id plan version said at", staff_keep="by")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["plan", "version"], name="care_version_once")]


class CareDraw(models.Model):
    """That a customer was drawn for the hold-out of a plan: once, and kept."""

    plan = models.ForeignKey(CarePlan, on_delete=models.PROTECT, related_name="draws", db_index=False)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+")
    bucket = models.PositiveSmallIntegerField()
    share = models.PositiveSmallIntegerField()
    is_held_out = models.BooleanField()
    drawn_at = models.DateTimeField()

    privacy = declare(none_keep="id plan customer bucket share is_held_out drawn_at")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["plan", "customer"], name="care_draw_once")]


class CareTouchQuerySet(models.QuerySet["CareTouch"]):
    def told(self) -> CareTouchQuerySet:
        """Return those that people may hear of: none that is withheld (decision 14)."""
        return self.exclude(state=CareTouch.State.WITHHELD)

    def to_be_tried_again(self) -> CareTouchQuerySet:
        """Return those that were closed unsent for a reason that can pass: another day, a plan that runs."""
        return self.filter(
            state=CareTouch.State.CLOSED,
            reason__in=CareTouch.PASSING,
            message__isnull=True,
            entry__isnull=True,
        )

    def visible_to(self, user: User) -> CareTouchQuerySet:
        """Return those that are told, of customers that ``user`` may see."""
        if user.sees_all:
            return self.told()
        visible: models.QuerySet[Customer] = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
        return self.told().filter(customer__in=visible.order_by().values("pk"))


class CareTouch(models.Model):
    """That a contact is greeted by a plan on one occasion: once, whatever became of it.

    ``occasion``: the year of its calendar, or ``orders:5``. ``is_drawn``: it counts in the comparison of
    those greeted and those held out: a hold-out ran, and nothing stood in the way when it was found.
    """

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("care", "waiting")
        DEFERRED = "deferred", pgettext_lazy("care", "put off")
        SENT = "sent", pgettext_lazy("care", "sent")
        WITHHELD = "withheld", pgettext_lazy("care", "withheld")
        CLOSED = "closed", pgettext_lazy("care", "not sent")

    NO_PROGRAMME, NO_OCCASION = "no_programme", "no_occasion"
    PASSING = (NO_PROGRAMME, NO_OCCASION, ContactReason.GONE, ContactReason.TAKEN_BACK)
    REASONS = (
        *Message.Reason.choices,
        *(one for one in ContactReason.choices if one[0] not in Message.Reason.values),
        (NO_PROGRAMME, _("no points programme is running")),
        (NO_OCCASION, _("the occasion no longer holds")),
    )

    plan = models.ForeignKey(CarePlan, on_delete=models.PROTECT, related_name="touches", db_index=False)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+", db_index=False)
    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, related_name="+", db_index=False)
    occasion = models.CharField(max_length=24)
    occasion_day = models.IntegerField()  # local day numbers
    due_day = models.IntegerField()
    latest_day = models.IntegerField()  # the last one on which it is still of use
    state = models.CharField(_("state"), max_length=8, choices=State.choices)
    reason = models.CharField(max_length=16, blank=True)
    channel = models.CharField(_("channel"), max_length=12, choices=Channel.choices)
    is_drawn = models.BooleanField(default=False)
    version = models.PositiveIntegerField(null=True)  # of the plan, when it was sent
    points = models.PositiveIntegerField(default=0)
    reservation = models.OneToOneField(
        ContactReservation, null=True, on_delete=models.PROTECT, related_name="+"
    )
    message = models.OneToOneField(Message, null=True, on_delete=models.PROTECT, related_name="+")
    entry = models.OneToOneField(PointsEntry, null=True, on_delete=models.PROTECT, related_name="+")
    due_at = models.DateTimeField(null=True)  # waiting: not tried before, after a fault of ours
    made_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[CareTouch]] = CareTouchQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id plan occasion state reason channel is_drawn version reservation message entry due_at",
        conduct_keep="customer contact occasion_day due_day latest_day points made_at ended_at",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "contact", "occasion"], name="care_touch_once"),
            models.CheckConstraint(
                condition=Q(state="sent", version__isnull=False, ended_at__isnull=False)
                | Q(state="closed", ended_at__isnull=False) & ~Q(reason="")
                | Q(state__in=("waiting", "deferred", "withheld"), message__isnull=True, entry__isnull=True),
                name="care_touch_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["plan", "customer", "due_day"], name="care_touch_customer"),
            models.Index(fields=["plan", "-id"], name="care_touch_list"),
            models.Index(fields=["customer", "-id"], name="care_touch_of_customer"),
            models.Index(fields=["plan", "id"], condition=Q(state="waiting"), name="care_touch_waiting"),
        ]

    @property
    def reason_text(self) -> str | Promise:
        """Return in words why it waits or was not sent, or nothing."""
        return dict(self.REASONS).get(self.reason, self.reason)

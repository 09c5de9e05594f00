"""Changes of the business: what is changed, whom it concerns, and how far each of them was followed."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from customers.ground.privacy import declare
from customers.models import Complaint, Customer, Mention, Message, Product, User
from retention.models.cases import RetentionCase
from retention.models.segments import Segment
from retention.models.standing import Tier


class BusinessChange(models.Model):
    """A product withdrawn or transformed, a new price, an incident: from the draft until all were followed.

    ``notice_day`` and ``effect_day`` are local day numbers: from the first on customers are told, from the
    second on it is so.
    """

    class Kind(models.TextChoices):
        WITHDRAWN = "withdrawn", _("product withdrawn")
        TRANSFORMED = "transformed", _("product transformed")
        PRICE = "price", _("price change")
        INCIDENT = "incident", _("incident")
        OUTAGE = "outage", _("outage")
        PRESS = "press", _("bad press")

    HAPPENED = (Kind.INCIDENT, Kind.OUTAGE, Kind.PRESS)
    """Those that nobody planned, so that they may be told of afterwards."""

    class Scope(models.TextChoices):
        PRODUCTS = "products", _("who bought one of the products")
        CONTRACTS = "contracts", _("who has a running contract")
        SEGMENT = "segment", _("who belongs to a segment")
        LISTED = "listed", _("a list of customers")

    class State(models.TextChoices):
        DRAFT = "draft", pgettext_lazy("business change", "draft")
        ANNOUNCED = "announced", pgettext_lazy("business change", "announced: notices are on their way")
        FOLLOWED = "followed", pgettext_lazy("business change", "being followed")
        CLOSED = "closed", pgettext_lazy("business change", "closed")

    OPEN = (State.ANNOUNCED, State.FOLLOWED)

    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    title_en = models.CharField(_("English title"), max_length=150)
    title_zh = models.CharField(_("Chinese title"), max_length=150)
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.DRAFT)
    is_crisis = models.BooleanField(_("crisis"), default=False)
    scope = models.CharField(_("whom it concerns"), max_length=9, choices=Scope.choices)
    bought_days = models.PositiveSmallIntegerField(_("bought within days"), default=365)
    segment = models.ForeignKey(Segment, null=True, on_delete=models.PROTECT, related_name="+")
    notice_day = models.IntegerField()
    effect_day = models.IntegerField()
    explanation_en = models.TextField(_("explanation in English"), blank=True)
    explanation_zh = models.TextField(_("explanation in Chinese"), blank=True)
    questions_en = models.TextField(_("questions and answers in English"), blank=True)
    questions_zh = models.TextField(_("questions and answers in Chinese"), blank=True)
    offer_en = models.TextField(_("offer in English"), blank=True)
    offer_zh = models.TextField(_("offer in Chinese"), blank=True)
    substitute = models.ForeignKey(Product, null=True, on_delete=models.PROTECT, related_name="+")
    words = models.JSONField(default=list)  # by which complaints and mentions are known in a crisis
    calls_top_tier = models.BooleanField(_("call every customer of tier A"), default=True)
    calls_margin = models.BigIntegerField(null=True)  # base minor units a year from which on one is called
    made_at = models.DateTimeField()
    announced_at = models.DateTimeField(null=True)
    enrolled_at = models.DateTimeField(null=True)  # everybody whom it concerned by then has a row
    followed_at = models.DateTimeField(null=True)  # all who were concerned by then had been told, or tried
    closed_at = models.DateTimeField(null=True)
    closed_reason = models.TextField(_("why it is closed"), blank=True)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    announced_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    privacy = declare(
        none_keep="id kind title_en title_zh state is_crisis scope bought_days segment notice_day effect_day "
        "explanation_en explanation_zh questions_en questions_zh offer_en offer_zh substitute words "
        "calls_top_tier calls_margin made_at announced_at enrolled_at followed_at closed_at closed_reason",
        staff_keep="made_by announced_by closed_by",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(notice_day__lte=F("effect_day")), name="change_told_before"),
            models.CheckConstraint(
                condition=Q(scope="segment", segment__isnull=False)
                | (~Q(scope="segment") & Q(segment__isnull=True)),
                name="change_segment",
            ),
            models.CheckConstraint(
                condition=Q(bought_days__gte=1, bought_days__lte=1095), name="change_bought_days"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "closed"]) | Q(announced_at__isnull=False),
                name="change_announced_at",
            ),
            models.CheckConstraint(
                condition=Q(state="closed", closed_at__isnull=False)
                | (~Q(state="closed") & Q(closed_at__isnull=True)),
                name="change_closed_at",
            ),
        ]
        indexes = [  # what the drain and the tags look for each time
            models.Index(fields=["id"], condition=Q(state__in=["announced", "followed"]), name="change_open")
        ]

    def __str__(self) -> str:
        return self.title_zh if (get_language() or "").startswith("zh") else self.title_en

    def said(self, name: str, language: str) -> str:
        """Return one of its texts in a language, in the other one when it was written in that alone."""
        first, second = ("zh", "en") if language.startswith("zh") else ("en", "zh")
        return getattr(self, f"{name}_{first}") or getattr(self, f"{name}_{second}")


class ChangedProduct(models.Model):
    """A product that a change is about.

    ``own_day`` and ``own_known_at`` are what the product said of its withdrawal, apart from open changes,
    when a withdrawal was announced: so it stands again when that is called off.
    """

    change = models.ForeignKey(BusinessChange, on_delete=models.CASCADE, related_name="about")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    own_day = models.IntegerField(null=True)
    own_known_at = models.DateTimeField(null=True)

    privacy = declare(none_keep="id change product own_day own_known_at")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["change", "product"], name="changed_product_once")]


class ListedCustomer(models.Model):
    """A customer that somebody put on the list of a change."""

    change = models.ForeignKey(BusinessChange, on_delete=models.CASCADE, related_name="listed")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+")

    privacy = declare(none_keep="id change", conduct_keep="customer")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["change", "customer"], name="change_listed_once")]


class ConcernedQuerySet(models.QuerySet["ConcernedCustomer"]):
    def visible_to(self, user: User) -> ConcernedQuerySet:
        """Return the rows of the customers that ``user`` may see."""
        visible = Customer.objects.visible_to(user)  # type: ignore[attr-defined]
        return self.filter(Exists(visible.filter(pk=OuterRef("customer_id"))))

    def waiting(self) -> ConcernedQuerySet:
        """Return those not followed to the end: nobody told them, or they are called and said nothing yet.

        Nobody waits for who was erased, or merged into another, whose own row says how far she came.
        """
        State = ConcernedCustomer.State
        unsaid = Q(state__in=[State.INFORMED, State.REACHED], case__isnull=False)
        there = self.filter(customer__gone_at__isnull=True, customer__erased_at__isnull=True)
        return there.filter(Q(state=State.TO_INFORM) | unsaid)

    def to_tell(self, at: datetime) -> ConcernedQuerySet:
        """Return those to whom the notice is to be written now: not yet, or it failed some time ago."""
        return self.filter(Q(due_at=None) | Q(due_at__lte=at), handled_at__isnull=True)


class ConcernedCustomer(models.Model):
    """A customer whom a change concerns, and how far she was followed."""

    class State(models.TextChoices):
        TO_INFORM = "to_inform", pgettext_lazy("concerned customer", "to be told")
        INFORMED = "informed", pgettext_lazy("concerned customer", "told")
        REACHED = "reached", pgettext_lazy("concerned customer", "spoken with")
        ACCEPTS = "accepts", pgettext_lazy("concerned customer", "accepts it")
        OBJECTS = "objects", pgettext_lazy("concerned customer", "objects")
        LEFT = "left", pgettext_lazy("concerned customer", "left")

    change = models.ForeignKey(BusinessChange, on_delete=models.PROTECT, related_name="concerned")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.TO_INFORM)
    tier = models.CharField(max_length=1, choices=Tier.choices, blank=True)  # as it stood when it was added
    margin_365d = models.BigIntegerField(default=0)  # likewise, in base minor units
    is_late = models.BooleanField(default=False)  # came in after the change was announced
    added_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    handled_at = models.DateTimeField(null=True)  # the notice was written, or why not was noted
    tries = models.PositiveSmallIntegerField(default=0, db_default=0)  # how often writing the notice failed
    due_at = models.DateTimeField(null=True)  # when it is written after it failed
    message = models.ForeignKey(Message, null=True, on_delete=models.PROTECT, related_name="+")
    unsent = models.CharField(max_length=12, blank=True)  # why no notice left: a reason of messages
    case = models.ForeignKey(RetentionCase, null=True, on_delete=models.PROTECT, related_name="changes")

    objects: ClassVar[models.Manager[ConcernedCustomer]] = ConcernedQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id change tier is_late added_at handled_at tries due_at message unsent case",
        conduct_keep="customer state margin_365d changed_at",
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["change", "customer"], name="concerned_once")]
        indexes = [
            models.Index(fields=["change", "state", "id"], name="concerned_state"),
            models.Index(
                fields=["change", "customer"], condition=Q(handled_at__isnull=True), name="concerned_to_tell"
            ),
        ]

    @property
    def unsent_reason(self) -> str:
        """Return in words why no notice left, or nothing."""
        return str(dict(Message.Reason.choices).get(self.unsent, self.unsent))


class ConcernedStep(models.Model):
    """One dated step of a concerned customer; without a person, it followed from something else."""

    row = models.ForeignKey(ConcernedCustomer, on_delete=models.PROTECT, related_name="steps")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=9, choices=ConcernedCustomer.State.choices)
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    note = models.TextField(_("note"), blank=True)

    privacy = declare(
        none_keep="id row", conduct_keep="customer state at", staff_keep="by", text_blank="note"
    )


class ChangeTag(models.Model):
    """A complaint or a mention that came in a crisis and is about it."""

    change = models.ForeignKey(BusinessChange, on_delete=models.PROTECT, related_name="tags")
    complaint = models.ForeignKey(Complaint, null=True, on_delete=models.PROTECT, related_name="+")
    mention = models.ForeignKey(Mention, null=True, on_delete=models.PROTECT, related_name="+")
    tagged_at = models.DateTimeField()

    privacy = declare(none_keep="id change complaint mention tagged_at")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(complaint__isnull=False, mention__isnull=True)
                | Q(complaint__isnull=True, mention__isnull=False),
                name="change_tag_one",
            ),
            models.UniqueConstraint(
                fields=["change", "complaint"],
                condition=Q(complaint__isnull=False),
                name="change_tag_complaint",
            ),
            models.UniqueConstraint(
                fields=["change", "mention"], condition=Q(mention__isnull=False), name="change_tag_mention"
            ),
        ]

"""Who the customers are: file, contacts, references."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.ground.bytewise import BytewiseField
from customers.ground.privacy import declare
from customers.models.people import Access, Role, Team, User


class CustomerQuerySet(models.QuerySet["Customer"]):
    def present(self) -> CustomerQuerySet:
        """Return the customers that count: all but those that are gone."""
        return self.filter(gone_at__isnull=True)

    def visible_to(self, user: User) -> CustomerQuerySet:
        """Return the customers that ``user`` may see, none that is gone.

        Admins, analysts and programs see all; a lead sees her team's and those whose case her team
        holds; an account manager sees her own and those that an Access row opens to her.
        """
        if not user.is_active:
            return self.none()
        if user.sees_all:
            return self.present()
        if user.role == Role.TEAM_LEAD:
            return self.present().filter(
                Q(team_id=user.team_id, team__isnull=False)
                | Q(owner=user)
                | Q(team__isnull=True, owner__isnull=True)
                | Q(pk__in=open_access(user).values("customer_id"))
            )
        # as one set of ids: an OR would be judged customer by customer, over all of them
        own = Customer.objects.filter(owner=user).values("pk")
        return self.present().filter(pk__in=own.union(open_access(user).values("customer_id")))


def open_access(user: User) -> models.QuerySet[Access]:
    """Return the accesses in force that ``user`` has, a lead also those of her team."""
    people = User.objects.filter(pk=user.pk)
    if user.role == Role.TEAM_LEAD and user.team_id:
        people = User.objects.filter(Q(pk=user.pk) | Q(team_id=user.team_id))
    return Access.objects.filter(user__in=people.values("pk"), ends_at__isnull=True)


class Customer(models.Model):
    """A company or a person that buys from us. Names stand here only; facts never copy them."""

    class Kind(models.TextChoices):
        COMPANY = "company", _("company")
        PERSON = "person", _("private customer")

    class Source(models.TextChoices):
        REFERRAL = "referral", _("recommended by a customer")
        PARTNER = "partner", _("by a partner")
        SALES = "sales", _("we approached them")
        INQUIRY = "inquiry", _("they asked us")
        WEBSITE = "website", _("website or search")
        ADVERTISING = "advertising", _("advertising")
        SOCIAL = "social", _("social media")
        EXHIBITION = "exhibition", _("fair or event")
        SHOP = "shop", _("came to the shop")
        OTHER = "other", _("otherwise")

    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices, default=Kind.COMPANY)
    name = models.CharField(_("name"), max_length=200)
    name_alt = models.CharField(_("name in the other language"), max_length=200, blank=True)
    # what lists are sorted by: the name in small letters and pinyin; customers.search.index fills it
    sort_key = BytewiseField(max_length=100, blank=True, default="", db_default="", editable=False)
    segment = models.CharField(_("segment"), max_length=64, blank=True)
    city = models.CharField(_("city"), max_length=100, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True)  # empty: the company's
    language = models.CharField(_("language"), max_length=10, blank=True)
    since = models.DateField(_("customer since"), null=True, blank=True)
    notes = models.TextField(_("notes"), blank=True)
    # Country and region are caches of the newest Address, for pages; measures read Address.
    country = models.CharField(_("country"), max_length=2, blank=True, default="", db_default="")
    region = models.CharField(_("region"), max_length=8, blank=True, default="", db_default="")
    street = models.CharField(_("street and number"), max_length=300, blank=True, default="", db_default="")
    postal_code = models.CharField(_("postal code"), max_length=20, blank=True, default="", db_default="")
    registration_number = models.CharField(
        _("registration number"), max_length=40, blank=True, default="", db_default=""
    )
    source = models.CharField(
        _("how they came to us"), max_length=12, choices=Source.choices, blank=True, default="", db_default=""
    )
    source_note = models.CharField(_("more on that"), max_length=200, blank=True, default="", db_default="")
    parent = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="children",
        verbose_name=_("parent company"),
        db_index=False,
    )
    owner = models.ForeignKey(  # cache of the newest Ownership, for pages; measures read Ownership
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="customers"
    )
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.PROTECT, related_name="customers")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    # Counts nowhere and is seen by nobody any more (its import was taken back, or it was merged into
    # another); the row stays because facts that count at no moment, and are never deleted, point to it.
    gone_at = models.DateTimeField(null=True, editable=False)
    erased_at = models.DateTimeField(null=True, editable=False)  # its name and words went; facts stay
    merged_into = models.ForeignKey(  # a stub: old links and numbers lead to the customer that it is now
        "self", null=True, editable=False, on_delete=models.PROTECT, related_name="stubs", db_index=False
    )

    objects: ClassVar[models.Manager[Customer]] = CustomerQuerySet.as_manager()  # type: ignore[assignment]

    privacy = declare(
        none_keep="id kind segment time_zone language created_at updated_at gone_at erased_at team source "
        "parent merged_into",
        identity_blank="name name_alt sort_key registration_number",
        reach_blank="city street postal_code",
        text_blank="notes source_note",
        conduct_keep="since country region",
        staff_keep="owner",
    )

    class Meta:
        indexes = [
            models.Index(fields=["owner", "id"], name="customer_owner"),
            models.Index(fields=["team", "id"], name="customer_team"),
            models.Index(fields=["name"], name="customer_name"),
            models.Index(fields=["sort_key", "id"], name="customer_sorted"),
            models.Index(fields=["city"], name="customer_city"),
            models.Index(fields=["registration_number"], name="customer_registration"),
            models.Index(fields=["parent", "id"], name="customer_parent"),
            models.Index(fields=["id"], condition=Q(gone_at__isnull=False), name="customer_gone"),
            models.Index(
                fields=["merged_into"], condition=Q(merged_into__isnull=False), name="customer_merged"
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(parent=F("id")), name="customer_not_its_own_parent")
        ]

    def __str__(self) -> str:
        return self.name


class Contact(models.Model):
    """A person at a customer; a private customer has one made with it (decision 12)."""

    class Function(models.TextChoices):
        MANAGEMENT = "management", _("management")
        PURCHASING = "purchasing", _("purchasing")
        FINANCE = "finance", _("finance")
        TECHNICAL = "technical", _("technology")
        OPERATIONS = "operations", _("uses what we sell")
        ASSISTANT = "assistant", _("assistant or reception")
        FAMILY = "family", _("family")
        OTHER = "other", pgettext_lazy("function of a contact", "something else")

    class BirthCalendar(models.TextChoices):
        SOLAR = "solar", _("solar calendar")
        LUNAR = "lunar", _("Chinese lunar calendar")

    class AtMostOnce(models.IntegerChoices):
        """In how many local days somebody is contacted at most once, as she wishes."""

        IN_30_DAYS = 30, pgettext_lazy("how often somebody is contacted at most", "once in 30 days")
        IN_90_DAYS = 90, pgettext_lazy("how often somebody is contacted at most", "once in 90 days")

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="contacts")
    name = models.CharField(pgettext_lazy("of a person", "name"), max_length=200)
    role = models.CharField(pgettext_lazy("of a contact", "role"), max_length=100, blank=True)
    phone = models.CharField(_("phone"), max_length=40, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    preferred_channel = models.CharField(_("preferred channel"), max_length=16, blank=True)
    at_most_once_in_days = models.PositiveSmallIntegerField(  # empty: as the company does
        _("contacted at most"), choices=AtMostOnce.choices, null=True, blank=True
    )
    language = models.CharField(_("language"), max_length=10, blank=True)
    is_main = models.BooleanField(_("main contact"), default=False)
    function = models.CharField(
        _("function"), max_length=12, choices=Function.choices, blank=True, default="", db_default=""
    )
    is_decision_maker = models.BooleanField(_("decides"), default=False, db_default=False)
    # All empty, or month and day by a calendar; the year is often not known. See ``customers.birthdays``.
    birth_calendar = models.CharField(
        _("calendar of the birthday"),
        max_length=5,
        choices=BirthCalendar.choices,
        blank=True,
        default="",
        db_default="",
    )
    birth_year = models.PositiveSmallIntegerField(_("year of birth"), null=True, blank=True)
    birth_month = models.PositiveSmallIntegerField(_("month of birth"), null=True, blank=True)
    birth_day = models.PositiveSmallIntegerField(_("day of birth"), null=True, blank=True)
    birth_is_leap = models.BooleanField(_("born in a leap month"), null=True, blank=True)  # lunar ones only
    left_on = models.DateField(_("left on"), null=True, blank=True)
    successor = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name=_("successor"),
        db_index=False,
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    erased_at = models.DateTimeField(null=True, editable=False)
    dead_channels: tuple[Any, ...] = ()  # set where pages show contacts: whose address is dead
    do_not_call = False  # set where pages show contacts: asked not to be called (``customers.consents``)

    privacy = declare(
        none_keep="id customer preferred_channel language is_main function is_decision_maker left_on "
        "successor created_at updated_at erased_at",
        identity_blank="name role birth_calendar birth_year birth_month birth_day birth_is_leap "
        "at_most_once_in_days",
        reach_blank="phone email",
    )

    class Meta:
        ordering = ["-is_main", "id"]
        indexes = [
            models.Index(fields=["customer", "-is_main", "id"], name="contact_customer"),
            models.Index(fields=["phone"], name="contact_phone"),
            models.Index(
                fields=["birth_month", "birth_day"],
                condition=Q(birth_month__isnull=False),
                name="contact_birthday",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["customer"], condition=Q(is_main=True), name="contact_one_main"),
            models.CheckConstraint(
                condition=Q(
                    birth_calendar="",
                    birth_year__isnull=True,
                    birth_month__isnull=True,
                    birth_day__isnull=True,
                    birth_is_leap__isnull=True,
                )
                | Q(
                    birth_calendar="solar",
                    birth_month__isnull=False,
                    birth_month__range=(1, 12),
                    birth_day__isnull=False,
                    birth_day__range=(1, 31),
                    birth_is_leap__isnull=True,
                )
                | Q(
                    birth_calendar="lunar",
                    birth_month__isnull=False,
                    birth_month__range=(1, 12),
                    birth_day__isnull=False,
                    birth_day__range=(1, 30),
                    birth_is_leap__isnull=False,
                ),
                name="contact_birthday_whole",
            ),
            models.CheckConstraint(
                condition=Q(birth_year__isnull=True) | Q(birth_year__range=(1900, 2100)),
                name="contact_birth_year",
            ),
            models.CheckConstraint(
                condition=Q(at_most_once_in_days__isnull=True) | Q(at_most_once_in_days__in=[30, 90]),
                name="contact_at_most_once",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ExternalRef(models.Model):
    """The name that another system gives to one of our records; a record may have several."""

    source = models.CharField(max_length=64)
    kind = models.CharField(max_length=32)
    external_id = models.CharField(max_length=190)
    object_id = models.BigIntegerField()

    privacy = declare(none_keep="id source kind object_id", reach_destroy="external_id")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "kind", "external_id"], name="external_ref_once")
        ]
        indexes = [
            models.Index(fields=["kind", "object_id"], name="external_ref_object"),
            models.Index(fields=["kind", "external_id"], name="external_ref_search"),
        ]


class TouchedCustomer(models.Model):
    """A mark: this customer's facts changed and the sweep has not looked yet (decision 11).

    Claimed by lease, deleted by the ids that were read, never by a watermark.
    """

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+")
    recorded_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    lease_token = models.CharField(max_length=32, blank=True)

    privacy = declare(none_keep="id lease_until lease_token recorded_at", conduct_destroy="customer")

    class Meta:
        indexes = [models.Index(fields=["lease_until", "id"], name="touched_free")]

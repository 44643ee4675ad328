"""Listings as the RESO Data Dictionary 2.0 names them, in snake case."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.utils import timezone

from leads.models import Tenant, User
from matching.models.feeds import Feed


class StandardStatus(models.TextChoices):
    """The dictionary's only locked list."""

    ACTIVE = "Active", "Active"
    ACTIVE_UNDER_CONTRACT = "Active Under Contract", "Active under contract"
    CANCELED = "Canceled", "Canceled"
    CLOSED = "Closed", "Closed"
    COMING_SOON = "Coming Soon", "Coming soon"
    DELETE = "Delete", "Deleted"
    EXPIRED = "Expired", "Expired"
    HOLD = "Hold", "On hold"
    INCOMPLETE = "Incomplete", "Incomplete"
    PENDING = "Pending", "Pending"
    WITHDRAWN = "Withdrawn", "Withdrawn"


SEARCHED = ("unparsed_address", "listing_id", "listing_key")
"""Columns whose words a listing is found by."""

ON_MARKET = (StandardStatus.ACTIVE, StandardStatus.ACTIVE_UNDER_CONTRACT, StandardStatus.COMING_SOON)


class PropertyType(models.TextChoices):
    BUSINESS_OPPORTUNITY = "Business Opportunity", "Business opportunity"
    COMMERCIAL_LEASE = "Commercial Lease", "Commercial lease"
    COMMERCIAL_SALE = "Commercial Sale", "Commercial sale"
    FARM = "Farm", "Farm"
    LAND = "Land", "Land"
    MANUFACTURED_IN_PARK = "Manufactured In Park", "Manufactured, in a park"
    RESIDENTIAL = "Residential", "Residential"
    RESIDENTIAL_INCOME = "Residential Income", "Residential income"
    RESIDENTIAL_LEASE = "Residential Lease", "Residential lease"


class Office(models.Model):
    """A brokerage office as its MLS knows it."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="offices", db_index=False)
    originating_system_name = models.CharField(max_length=255, blank=True)
    office_key = models.CharField(max_length=255)
    office_mls_id = models.CharField(max_length=25, blank=True)
    office_name = models.CharField(max_length=255, blank=True)
    office_phone = models.CharField(max_length=16, blank=True)
    office_email = models.CharField(max_length=80, blank=True)
    is_in_idx = models.BooleanField(
        null=True, blank=True, help_text="IDXOfficeParticipationYN: without it its listings stay inside."
    )
    modification_timestamp = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["office_name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "originating_system_name", "office_key"], name="office_unique"
            ),
        ]

    def __str__(self) -> str:
        return self.office_name or self.office_key


class Member(models.Model):
    """An agent as their MLS knows them."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="members", db_index=False)
    originating_system_name = models.CharField(max_length=255, blank=True)
    member_key = models.CharField(max_length=255)
    member_mls_id = models.CharField(max_length=25, blank=True)
    member_full_name = models.CharField(max_length=150, blank=True)
    member_email = models.CharField(max_length=80, blank=True)
    member_direct_phone = models.CharField(max_length=16, blank=True)
    member_state_license = models.CharField(max_length=50, blank=True)
    member_status = models.CharField(max_length=25, blank=True)
    office = models.ForeignKey(
        Office, on_delete=models.SET_NULL, null=True, blank=True, related_name="members"
    )
    modification_timestamp = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["member_full_name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "originating_system_name", "member_key"], name="member_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"member {self.member_key}"


class ListingQuerySet(models.QuerySet["Listing"]):
    def for_tenant(self, tenant: Tenant) -> ListingQuerySet:
        return self.filter(tenant=tenant)

    def on_market(self) -> ListingQuerySet:
        return self.filter(standard_status__in=ON_MARKET)

    def named(self, names: Iterable[str]) -> ListingQuerySet:
        """Keep those that are called so: by the key of their feed or by their MLS number."""
        names = [name for name in names if name]
        return self.filter(models.Q(listing_key__in=names) | models.Q(listing_id__in=names))

    def displayable(self) -> ListingQuerySet:
        """Keep those that may be shown to clients at all."""
        return (
            self.exclude(internet_entire_listing_display_yn=False)
            .exclude(standard_status__in=(StandardStatus.DELETE, StandardStatus.INCOMPLETE))
            .exclude(list_office__is_in_idx=False)
        )


class Listing(models.Model):
    """A home offered by a listing contract, and what is known of it; null is not stated."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="listings", db_index=False)
    feed = models.ForeignKey(
        Feed, on_delete=models.SET_NULL, null=True, blank=True, related_name="listings", db_index=False
    )
    originating_system_name = models.CharField(max_length=255, blank=True)
    listing_key = models.CharField(max_length=255)
    listing_id = models.CharField(max_length=255, blank=True)

    standard_status = models.CharField(max_length=25, choices=StandardStatus.choices)
    mls_status = models.CharField(max_length=50, blank=True)
    property_type = models.CharField(max_length=50, choices=PropertyType.choices, blank=True)
    property_sub_type = models.CharField(max_length=50, blank=True)
    property_attached_yn = models.BooleanField(null=True, blank=True)

    list_price = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    original_list_price = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    previous_list_price = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    close_price = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    concessions_amount = models.DecimalField(max_digits=11, decimal_places=2, null=True, blank=True)

    listing_contract_date = models.DateField(null=True, blank=True)
    on_market_date = models.DateField(null=True, blank=True)
    purchase_contract_date = models.DateField(null=True, blank=True)
    close_date = models.DateField(null=True, blank=True)
    off_market_date = models.DateField(null=True, blank=True)
    days_on_market = models.PositiveIntegerField(null=True, blank=True, help_text="As the MLS told it.")
    cumulative_days_on_market = models.PositiveIntegerField(null=True, blank=True)

    unparsed_address = models.CharField(max_length=255, blank=True)
    unit_number = models.CharField(max_length=25, blank=True)
    city = models.CharField(max_length=50, blank=True)
    state_or_province = models.CharField(max_length=2, blank=True)
    postal_code = models.CharField(max_length=10, blank=True)
    county_or_parish = models.CharField(max_length=50, blank=True)
    subdivision_name = models.CharField(max_length=50, blank=True)
    parcel_number = models.CharField(max_length=50, blank=True)
    property_time_zone_name = models.CharField(max_length=64, blank=True)
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)

    bedrooms_total = models.PositiveSmallIntegerField(null=True, blank=True)
    bathrooms_full = models.PositiveSmallIntegerField(null=True, blank=True)
    bathrooms_half = models.PositiveSmallIntegerField(null=True, blank=True)
    bathrooms_three_quarter = models.PositiveSmallIntegerField(null=True, blank=True)
    bathrooms_one_quarter = models.PositiveSmallIntegerField(null=True, blank=True)
    bathrooms_total_integer = models.PositiveSmallIntegerField(null=True, blank=True)
    living_area = models.DecimalField(
        max_digits=14, decimal_places=2, null=True, blank=True, help_text="Square feet."
    )
    lot_size_square_feet = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    year_built = models.PositiveSmallIntegerField(null=True, blank=True)
    year_built_effective = models.PositiveSmallIntegerField(null=True, blank=True)
    stories = models.PositiveSmallIntegerField(null=True, blank=True)
    garage_spaces = models.DecimalField(max_digits=5, decimal_places=1, null=True, blank=True)
    new_construction_yn = models.BooleanField(null=True, blank=True)
    flags = models.JSONField(
        default=dict,
        blank=True,
        help_text="Further fields ending in yn → true or false; absent is not stated.",
    )
    features = models.JSONField(
        default=dict, blank=True, help_text="Collections: appliances, parking_features, … → standard values."
    )

    association_fee = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    association_fee_frequency = models.CharField(max_length=25, blank=True)
    tax_annual_amount = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    tax_year = models.PositiveSmallIntegerField(null=True, blank=True)

    public_remarks = models.TextField(blank=True)
    private = models.JSONField(
        default=dict,
        blank=True,
        help_text="Remarks, showing contact, lock box: never leaves the agents' side.",
    )
    other = models.JSONField(
        default=dict, blank=True, help_text="Every further field of the feed, as it came, by its RESO name."
    )

    list_agent = models.ForeignKey(
        Member, on_delete=models.SET_NULL, null=True, blank=True, related_name="listings"
    )
    list_office = models.ForeignKey(
        Office, on_delete=models.SET_NULL, null=True, blank=True, related_name="listings"
    )
    list_agent_full_name = models.CharField(max_length=150, blank=True)
    list_office_name = models.CharField(max_length=255, blank=True)
    list_office_phone = models.CharField(max_length=16, blank=True)
    attribution_contact = models.CharField(max_length=80, blank=True)
    made_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )

    internet_entire_listing_display_yn = models.BooleanField(null=True, blank=True)
    internet_address_display_yn = models.BooleanField(null=True, blank=True)
    internet_automated_valuation_display_yn = models.BooleanField(null=True, blank=True)
    internet_consumer_comment_yn = models.BooleanField(null=True, blank=True)

    photos_change_timestamp = models.DateTimeField(null=True, blank=True)
    status_change_timestamp = models.DateTimeField(null=True, blank=True)
    price_change_timestamp = models.DateTimeField(null=True, blank=True)
    original_entry_timestamp = models.DateTimeField(null=True, blank=True)
    modification_timestamp = models.DateTimeField(
        default=timezone.now, help_text="When the record last changed where it came from."
    )
    missing_since = models.DateTimeField(
        null=True, blank=True, help_text="When the feed stopped naming it; off the market after a day."
    )
    recorded_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, help_text="When we last wrote it.")

    objects = ListingQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "originating_system_name", "listing_key"], name="listing_unique"
            ),
            models.CheckConstraint(
                condition=models.Q(list_price__isnull=True) | models.Q(list_price__gt=0),
                name="listing_price_positive",
            ),
            models.CheckConstraint(
                condition=models.Q(latitude__isnull=True, longitude__isnull=True)
                | models.Q(
                    latitude__isnull=False,
                    longitude__isnull=False,
                    latitude__range=(-90, 90),
                    longitude__range=(-180, 180),
                ),
                name="listing_is_somewhere",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "standard_status", "list_price", "id"], name="listing_by_price"),
            models.Index(fields=["tenant", "-id"], name="listing_newest"),
            models.Index(
                fields=["tenant", "standard_status"],
                include=[
                    *("id", "list_price", "on_market_date", "listing_contract_date", "property_sub_type"),
                    *("bedrooms_total", "bathrooms_full", "bathrooms_half", "bathrooms_three_quarter"),
                    *("bathrooms_one_quarter", "bathrooms_total_integer", "living_area", "year_built"),
                    *("city", "postal_code", "subdivision_name", "latitude", "longitude"),
                ],
                name="listing_found",
            ),
            models.Index(
                "tenant",
                models.F("on_market_date").desc(nulls_last=True),
                models.F("id").desc(),
                condition=models.Q(standard_status__in=ON_MARKET),
                name="listing_for_sale",
            ),
            models.Index(
                fields=["tenant", "list_price", "id"],
                condition=models.Q(standard_status__in=ON_MARKET),
                name="listing_for_sale_by_price",
            ),
            GinIndex(SearchVector(*SEARCHED, config="simple"), name="listing_words"),
            models.Index(fields=["tenant", "updated_at"], name="listing_written"),
            models.Index(fields=["tenant", "listing_id"], name="listing_by_number"),
            models.Index(fields=["tenant", "city", "postal_code"], name="listing_by_place"),
            models.Index(
                fields=["tenant", "close_date"],
                condition=models.Q(close_date__isnull=False),
                name="listing_sold",
            ),
            models.Index(
                fields=["feed", "missing_since"],
                condition=models.Q(missing_since__isnull=False),
                name="listing_missing",
            ),
        ]

    def __str__(self) -> str:
        return f"listing {self.listing_key}"

    @property
    def is_on_market(self) -> bool:
        return self.standard_status in ON_MARKET

    @property
    def shows_address(self) -> bool:
        """Tell whether clients may see where exactly it is."""
        return self.internet_address_display_yn is not False

    def days_listed(self, today: date) -> int | None:
        """Return the days on the market: counted while it is there, else as they were told."""
        since = self.on_market_date or self.listing_contract_date
        if since is None or not self.is_on_market:
            return self.days_on_market
        return max(0, (today - since).days)

    @property
    def baths(self) -> float | None:
        """Return full baths and the parts others are worth; the plain total where no kind is stated."""
        kinds = (
            (self.bathrooms_full, 1.0),
            (self.bathrooms_half, 0.5),
            (self.bathrooms_three_quarter, 0.75),
            (self.bathrooms_one_quarter, 0.25),
        )
        if all(count is None for count, _ in kinds):
            return None if self.bathrooms_total_integer is None else float(self.bathrooms_total_integer)
        return sum((count or 0) * worth for count, worth in kinds)


class PriceChange(models.Model):
    """A listing's price went from one figure to another."""

    listing = models.ForeignKey(
        Listing, on_delete=models.CASCADE, related_name="price_changes", db_index=False
    )
    old = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    new = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ["-changed_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["listing", "changed_at"], name="price_change_once"),
        ]

    def __str__(self) -> str:
        return f"price of listing {self.listing_id}"


class StatusChange(models.Model):
    """A listing went from one standard status to another; old is empty for the first."""

    listing = models.ForeignKey(
        Listing, on_delete=models.CASCADE, related_name="status_changes", db_index=False
    )
    old = models.CharField(max_length=25, choices=StandardStatus.choices, blank=True)
    new = models.CharField(max_length=25, choices=StandardStatus.choices)
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ["-changed_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["listing", "changed_at"], name="status_change_once"),
        ]

    def __str__(self) -> str:
        return f"status of listing {self.listing_id}"


class Media(models.Model):
    """A photo, plan or tour of a listing: by address or as an uploaded file."""

    listing = models.ForeignKey(Listing, on_delete=models.CASCADE, related_name="media", db_index=False)
    media_key = models.CharField(max_length=255)
    media_url = models.CharField(max_length=2000, blank=True)
    content = models.BinaryField(blank=True, help_text="The uploaded file; empty where there is an address.")
    content_type = models.CharField(max_length=40, blank=True)
    media_category = models.CharField(max_length=50, blank=True)
    image_of = models.CharField(max_length=50, blank=True)
    order = models.PositiveIntegerField(default=0)
    preferred_photo_yn = models.BooleanField(null=True, blank=True)
    short_description = models.CharField(max_length=200, blank=True)
    permission = models.JSONField(default=list, blank=True, help_text="Who may see it; empty is anybody.")
    media_alteration = models.CharField(
        max_length=50, blank=True, help_text="How it was altered: shown beside it, with the original."
    )
    original = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="alterations", db_index=False
    )
    modification_timestamp = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["order", "pk"]
        verbose_name_plural = "media"
        constraints = [
            models.UniqueConstraint(fields=["listing", "media_key"], name="media_unique"),
        ]

    def __str__(self) -> str:
        return f"media {self.media_key}"


class OpenHouse(models.Model):
    """Hours at which a listing can be looked at without an appointment."""

    listing = models.ForeignKey(Listing, on_delete=models.CASCADE, related_name="open_houses", db_index=False)
    open_house_key = models.CharField(max_length=255)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    open_house_type = models.CharField(max_length=25, blank=True)
    open_house_status = models.CharField(max_length=25, blank=True)
    livestream_url = models.CharField(max_length=2000, blank=True)
    remarks = models.CharField(max_length=500, blank=True)
    modification_timestamp = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["starts_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["listing", "open_house_key"], name="open_house_unique"),
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")), name="open_house_ends_later"
            ),
        ]

    def __str__(self) -> str:
        return f"open house {self.open_house_key}"

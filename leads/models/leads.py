from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.utils import timezone

from leads.models.tenants import Tenant, User


class Segment(models.TextChoices):
    FIRST_TIME_BUYER = "first_time_buyer", "First-time buyer"
    MOVE_UP = "move_up", "Move-up"
    DOWNSIZER = "downsizer", "Downsizer"
    INVESTOR = "investor", "Investor"
    LUXURY = "luxury", "Luxury"
    RELOCATION = "relocation", "Relocating"
    SELLER = "seller", "Seller"


class Tier(models.TextChoices):
    HOT = "hot", "Hot"
    WARM = "warm", "Warm"
    STEADY = "steady", "Steady"
    QUIET = "quiet", "Quiet"


class LeadQuerySet(models.QuerySet["Lead"]):
    def for_tenant(self, tenant: Tenant) -> LeadQuerySet:
        return self.filter(tenant=tenant)

    def active(self) -> LeadQuerySet:
        return self.filter(status=Lead.Status.ACTIVE)

    def hot(self) -> LeadQuerySet:
        return self.active().filter(tier=Tier.HOT)


class Lead(models.Model):
    """A person in a tenant's CRM, with the engines' latest word about them."""

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        MERGED = "merged", "Merged"
        DELETED = "deleted", "Deleted"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="leads", db_index=False)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.ACTIVE)
    merged_into = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="absorbed"
    )

    contact_id = models.CharField(max_length=64, blank=True, help_text="Main GoHighLevel contact id.")
    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100, blank=True)
    email = models.EmailField(max_length=254, blank=True)
    phone = models.CharField(max_length=20, blank=True, help_text="E.164")
    company = models.CharField(max_length=200, blank=True)
    address = models.CharField(max_length=200, blank=True)
    city = models.CharField(max_length=100, blank=True)
    state = models.CharField(max_length=50, blank=True)
    postal_code = models.CharField(max_length=20, blank=True)
    country = models.CharField(max_length=2, blank=True)
    time_zone = models.CharField(max_length=64, blank=True)
    tags = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    source = models.CharField(max_length=100, blank=True)
    segment = models.CharField(max_length=20, choices=Segment.choices, blank=True)
    assigned_to = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="assigned_leads"
    )
    custom = models.JSONField(default=dict, blank=True, help_text="Custom field key → typed value.")
    profile = models.JSONField(
        default=dict, blank=True, help_text="Qualification answers: budget, location, timeline, …"
    )
    consent = models.JSONField(
        default=dict, blank=True, help_text="Channel → {state, at, source}; state granted, denied or unknown."
    )
    quality = models.PositiveSmallIntegerField(default=0)
    quality_missing = models.JSONField(default=list, blank=True)

    score = models.FloatField(null=True, blank=True)
    previous_score = models.FloatField(null=True, blank=True)
    score_low = models.FloatField(null=True, blank=True)
    score_high = models.FloatField(null=True, blank=True)
    tier = models.CharField(max_length=6, choices=Tier.choices, blank=True)
    tier_changed_at = models.DateTimeField(null=True, blank=True)
    reasons = models.JSONField(default=list, blank=True, help_text="Plain reasons: [{icon, text}].")
    next_action = models.CharField(max_length=120, blank=True)
    scored_at = models.DateTimeField(null=True, blank=True)
    view_score = models.FloatField(
        null=True, blank=True, help_text="What the team itself says, beside the score; 0 to 100."
    )
    view_until = models.DateTimeField(null=True, blank=True, help_text="When the team's view has faded.")
    lapse_7 = models.FloatField(null=True, blank=True)
    lapse_14 = models.FloatField(null=True, blank=True)
    lapse_30 = models.FloatField(null=True, blank=True)

    last_event_at = models.DateTimeField(null=True, blank=True)
    last_inbound_at = models.DateTimeField(null=True, blank=True)
    last_outbound_at = models.DateTimeField(null=True, blank=True)
    awaiting_reply_since = models.DateTimeField(
        null=True, blank=True, help_text="When the oldest unanswered message of the lead came."
    )
    written_back = models.JSONField(
        default=dict, blank=True, help_text="What we last wrote to GoHighLevel; its echo is ignored."
    )
    crm = models.JSONField(
        default=dict, blank=True, help_text="What GoHighLevel last told of opportunities, appointments, time."
    )
    created_at = models.DateTimeField(default=timezone.now, help_text="When the CRM first knew the person.")
    recorded_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now)

    search = models.GeneratedField(
        expression=SearchVector("first_name", "last_name", "email", "phone", config="simple"),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    objects = LeadQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(score__isnull=True) | models.Q(score__gte=0, score__lte=100),
                name="lead_score_0_100",
            ),
            models.CheckConstraint(
                condition=models.Q(view_score__isnull=True, view_until__isnull=True)
                | models.Q(view_score__gte=0, view_score__lte=100, view_until__isnull=False),
                name="lead_view_0_100_has_end",
            ),
            models.CheckConstraint(
                condition=models.Q(status="merged", merged_into__isnull=False)
                | (~models.Q(status="merged") & models.Q(merged_into__isnull=True)),
                name="lead_merged_has_survivor",
            ),
        ]
        indexes = [
            models.Index(
                "tenant",
                models.F("score").desc(nulls_last=True),
                models.F("id").desc(),
                condition=models.Q(status="active"),
                name="lead_scoreboard",
            ),
            models.Index(fields=["tenant", "contact_id"], name="lead_by_contact"),
            models.Index(fields=["tenant", "tier", "-score"], name="lead_by_tier"),
            models.Index(fields=["tenant", "-created_at", "-id"], name="lead_newest"),
            models.Index(
                fields=["tenant", "awaiting_reply_since"],
                condition=models.Q(awaiting_reply_since__isnull=False),
                name="lead_awaiting_reply",
            ),
            models.Index(
                fields=["tenant", "view_until"],
                condition=models.Q(view_until__isnull=False),
                name="lead_viewed",
            ),
            GinIndex("search", name="lead_search"),
            models.Index(
                fields=["id"],
                condition=models.Q(written_back__has_key="due_at"),
                name="lead_write_back_due",
            ),
        ]

    def __str__(self) -> str:
        return f"lead {self.pk}"

    @property
    def name(self) -> str:
        """Return what to call this person on a screen; never logged."""
        full = f"{self.first_name} {self.last_name}".strip()
        return full or self.email or self.phone or "Unnamed lead"

    @property
    def score_change(self) -> int | None:
        if self.score is None or self.previous_score is None:
            return None
        return round(self.score) - round(self.previous_score)


class Identity(models.Model):
    """One way a person is known; each value belongs to one lead of a tenant."""

    class Kind(models.TextChoices):
        EMAIL = "email", "E-mail"
        PHONE = "phone", "Phone"
        CONTACT_ID = "contact_id", "GHL contact id"
        VISITOR_ID = "visitor_id", "Visitor id"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="identities", db_index=False)
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="identities")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    value = models.CharField(max_length=254)
    is_primary = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = "identities"
        constraints = [
            models.UniqueConstraint(fields=["tenant", "kind", "value"], name="identity_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of lead {self.lead_id}"


class LeadMerge(models.Model):
    """Two leads found to be one person; keeps what is needed to undo it."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="merges")
    survivor = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="merges_in")
    absorbed = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="merges_out")
    reason = models.CharField(max_length=200)
    snapshot = models.JSONField(help_text="Fields of both and identities of the absorbed, before the merge.")
    by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    merged_at = models.DateTimeField(default=timezone.now, editable=False)
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(survivor=models.F("absorbed")), name="merge_of_two_leads"
            ),
            models.UniqueConstraint(
                fields=["absorbed"], condition=models.Q(undone_at__isnull=True), name="merge_absorbed_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.absorbed_id} into {self.survivor_id}"


class CustomField(models.Model):
    """A tenant's own contact field in GoHighLevel, and how to read its values."""

    class DataType(models.TextChoices):
        TEXT = "TEXT", "Text"
        LARGE_TEXT = "LARGE_TEXT", "Long text"
        NUMERICAL = "NUMERICAL", "Number"
        MONETORY = "MONETORY", "Money"  # GHL's spelling
        DATE = "DATE", "Date"
        PHONE = "PHONE", "Phone"
        CHECKBOX = "CHECKBOX", "Several of a list"
        SINGLE_OPTIONS = "SINGLE_OPTIONS", "One of a list"
        MULTIPLE_OPTIONS = "MULTIPLE_OPTIONS", "Several options"
        RADIO = "RADIO", "Radio"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="custom_fields", db_index=False)
    ghl_id = models.CharField(max_length=64)
    key = models.CharField(max_length=100, help_text="Key under Lead.custom.")
    name = models.CharField(max_length=200)
    data_type = models.CharField(max_length=20, choices=DataType.choices, default=DataType.TEXT)
    options = models.JSONField(default=list, blank=True)
    answers = models.CharField(
        max_length=40, blank=True, help_text="Qualification answer it carries: budget, timeline, …"
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "ghl_id"], name="custom_field_unique"),
            models.UniqueConstraint(fields=["tenant", "key"], name="custom_field_key_unique"),
        ]

    def __str__(self) -> str:
        return self.name


class Enrichment(models.Model):
    """What a registered enrichment function found about a lead, or why it failed."""

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="enrichments", db_index=False)
    provider = models.CharField(max_length=60)
    source = models.CharField(max_length=200, blank=True)
    data = models.JSONField(default=dict, blank=True)
    error = models.CharField(max_length=300, blank=True)
    fetched_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["provider"]
        constraints = [models.UniqueConstraint(fields=["lead", "provider"], name="enrichment_unique")]

    def __str__(self) -> str:
        return f"{self.provider} of lead {self.lead_id}"

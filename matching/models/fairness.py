"""What fair housing asks to be kept: what was shown to whom, what was found in texts, and how it was tested.

No ranking reads these rows.
"""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from leads.fair_housing import Severity
from leads.models import Lead, Tenant, User
from matching.models.listings import Listing


class Surface(models.TextChoices):
    PANEL = "panel", "Lead panel"
    PAGE = "page", "Page"
    EMAIL = "email", "E-mail"
    ALERT = "alert", "Alert"


class Ranking(models.Model):
    """Homes put before a person in an order, on a day, and how many could have been."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="rankings", db_index=False)
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="rankings", db_index=False)
    surface = models.CharField(max_length=5, choices=Surface.choices)
    digest = models.CharField(max_length=40, help_text="Of the homes in their order; tells a repeat.")
    shown = models.PositiveIntegerField()
    eligible = models.JSONField(
        default=dict, help_text="Area kind → area → homes that met what they must; {} is not told."
    )
    version = models.CharField(max_length=100, blank=True, help_text="What ranked them: engine, weights.")
    sets_schools = models.BooleanField(default=False, help_text="The buyer gave schools a weight.")
    sets_safety = models.BooleanField(default=False, help_text="The buyer gave safety a weight.")
    shown_on = models.DateField()
    shown_at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["lead", "surface", "shown_on", "digest"], name="ranking_once_a_day"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "shown_on"], name="ranking_by_day")]

    def __str__(self) -> str:
        return f"ranking {self.pk}"


class Exposure(models.Model):
    """A home shown to a lead, where and at which rank."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="exposures", db_index=False)
    ranking = models.ForeignKey(Ranking, on_delete=models.CASCADE, related_name="exposures", db_index=False)
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="exposures", db_index=False)
    listing = models.ForeignKey(Listing, on_delete=models.CASCADE, related_name="exposures")
    surface = models.CharField(max_length=5, choices=Surface.choices)
    rank = models.PositiveIntegerField(help_text="The first is 1.")
    shown_at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["ranking", "rank"], name="exposure_rank_once"),
            models.CheckConstraint(condition=models.Q(rank__gte=1), name="exposure_rank_from_one"),
        ]
        indexes = [
            models.Index(fields=["tenant", "shown_at"], name="exposure_by_time"),
            models.Index(fields=["lead", "listing"], name="exposure_of_lead"),
        ]

    def __str__(self) -> str:
        return f"exposure {self.pk}"


class AreaGroup(models.Model):
    """Into which group of areas an area falls, by a table made outside; no person is in a group."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="area_groups", db_index=False)
    area = models.CharField(max_length=120, help_text="A ZIP code or a neighborhood's name.")
    group = models.CharField(max_length=80)
    imported_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["group", "area"]
        constraints = [models.UniqueConstraint(fields=["tenant", "area"], name="area_group_once")]

    def __str__(self) -> str:
        return f"{self.area} in {self.group}"


class TextFinding(models.Model):
    """A sentence about a home that the law forbids or comes close to, and what became of it."""

    class Place(models.TextChoices):
        REMARKS = "remarks", "Listing remarks"
        MARKETING = "marketing", "Marketing text"

    class State(models.TextChoices):
        OPEN = "open", "To mend"
        OVERRIDDEN = "overridden", "Kept, with a reason"
        MENDED = "mended", "Mended"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="text_findings", db_index=False)
    listing = models.ForeignKey(
        Listing, on_delete=models.CASCADE, null=True, blank=True, related_name="text_findings", db_index=False
    )
    place = models.CharField(max_length=9, choices=Place.choices)
    sentence = models.CharField(max_length=500)
    term = models.CharField(max_length=100)
    category = models.CharField(max_length=40)
    severity = models.CharField(
        max_length=5, choices=[(Severity.WARN.value, "Needs a reason"), (Severity.BLOCK.value, "Forbidden")]
    )
    rule = models.CharField(max_length=300, help_text="Why it matters.")
    instead = models.CharField(max_length=300)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    reason = models.CharField(max_length=500, blank=True)
    checked_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    overridden_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    overridden_at = models.DateTimeField(null=True, blank=True)
    mended_at = models.DateTimeField(null=True, blank=True)
    found_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["listing", "place", "term", "sentence"], name="text_finding_once"
            ),
            models.CheckConstraint(
                condition=~models.Q(state="overridden") | (~models.Q(reason="") & models.Q(severity="warn")),
                name="text_finding_override_has_a_reason",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "state", "-id"], name="text_finding_open")]

    def __str__(self) -> str:
        return f"finding {self.pk}"


class TextsRead(models.Model):
    """How far a tenant's listing remarks have been checked, and under which terms."""

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, related_name="texts_read")
    terms = models.CharField(
        max_length=64, blank=True, help_text="Digest; other terms, and all is read anew."
    )
    read_to = models.DateTimeField(null=True, blank=True, help_text="Listings written up to then are read.")
    last_id = models.BigIntegerField(default=0, help_text="The last of them with just this time.")
    read = models.PositiveIntegerField(default=0, help_text="Remarks read under these terms.")
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        verbose_name_plural = "texts read"

    def __str__(self) -> str:
        return f"texts of tenant {self.tenant_id}"


class Counterfactual(models.Model):
    """A trial: buyers under other names, languages and phone areas; no score may move."""

    tenant = models.ForeignKey(
        Tenant, on_delete=models.CASCADE, related_name="counterfactuals", db_index=False
    )
    by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    version = models.CharField(max_length=100, blank=True)
    features = models.CharField(max_length=64, help_text="Digest of the list of inputs.")
    buyers = models.PositiveIntegerField()
    listings = models.PositiveIntegerField()
    swaps = models.JSONField(default=dict, help_text="What was swapped → the largest difference of a score.")
    moved = models.PositiveIntegerField(default=0, help_text="Scores that moved.")
    ran_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["tenant", "-id"], name="counterfactual_latest")]

    def __str__(self) -> str:
        return f"trial {self.pk}"

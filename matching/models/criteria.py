"""What buyers look for, what they are told of by themselves, and which homes were sent to them."""

from __future__ import annotations

import secrets

from django.db import models
from django.utils import timezone

from leads.models import Lead, Tenant, User
from matching.models.listings import Listing


class Household(models.Model):
    """Buyers who look for one home together; each keeps criteria of their own."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="households", db_index=False)
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["tenant", "-id"], name="household_recent")]

    def __str__(self) -> str:
        return f"household {self.pk}"


class Criteria(models.Model):
    """What a lead looks for, as they or their agent said it, and what was learned from what they did."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="criteria", db_index=False)
    lead = models.OneToOneField(Lead, on_delete=models.CASCADE, related_name="criteria")
    household = models.ForeignKey(
        Household, on_delete=models.SET_NULL, null=True, blank=True, related_name="criteria"
    )
    wants = models.JSONField(default=dict, blank=True, help_text="As `matching.wants` reads it.")
    learned = models.JSONField(
        default=dict, blank=True, help_text="Weights as `matching.preferences` left them; empty is as stated."
    )
    learned_event_id = models.BigIntegerField(default=0, help_text="The last event that was learned from.")
    answers = models.JSONField(
        default=dict, blank=True, help_text="Observation → accepted or rejected, by whom and when."
    )
    changed_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "criteria"
        indexes = [models.Index(fields=["tenant", "-changed_at"], name="criteria_recent")]

    def __str__(self) -> str:
        return f"criteria of lead {self.lead_id}"


class SavedSearch(models.Model):
    """Wants a lead is told of by itself, when a home begins to meet them."""

    class Frequency(models.TextChoices):
        INSTANT = "instant", "At once"
        DAILY = "daily", "Daily"
        WEEKLY = "weekly", "Weekly"
        OFF = "off", "Never"

    tenant = models.ForeignKey(
        Tenant, on_delete=models.CASCADE, related_name="saved_searches", db_index=False
    )
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="saved_searches")
    name = models.CharField(max_length=80)
    wants = models.JSONField(help_text="As `matching.wants` reads it; everything set is a limit.")
    frequency = models.CharField(max_length=7, choices=Frequency.choices, default=Frequency.DAILY)
    due_at = models.DateTimeField(null=True, blank=True, help_text="When what was found is told next.")
    told_at = models.DateTimeField(null=True, blank=True)
    made_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    made_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "saved searches"
        constraints = [models.UniqueConstraint(fields=["lead", "name"], name="saved_search_name_unique")]
        indexes = [
            models.Index(fields=["tenant", "-changed_at"], name="saved_search_changed"),
            models.Index(
                fields=["due_at"], condition=models.Q(due_at__isnull=False), name="saved_search_due"
            ),
        ]

    def __str__(self) -> str:
        return f"saved search {self.pk}"


class Match(models.Model):
    """A home that began to fit a lead: by a saved search, or by what they look for."""

    class Why(models.TextChoices):
        NEW = "new", "New on the market"
        PRICE = "price", "The price fell"
        BACK = "back", "Back on the market"
        MARKET = "market", "The market changed"
        CHANGED = "changed", "The listing changed"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="matches", db_index=False)
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="matches", db_index=False)
    listing = models.ForeignKey(Listing, on_delete=models.CASCADE, related_name="matches", db_index=False)
    saved_search = models.ForeignKey(
        SavedSearch, on_delete=models.SET_NULL, null=True, blank=True, related_name="matches"
    )
    why = models.CharField(max_length=7, choices=Why.choices)
    score = models.FloatField(help_text="0 to 100, when it was found.")
    coverage = models.FloatField(help_text="Share of the weight that rests on what is known.")
    words = models.CharField(max_length=300, blank=True)
    matched_at = models.DateTimeField(default=timezone.now)
    told_at = models.DateTimeField(null=True, blank=True)
    change_key = models.CharField(max_length=64, help_text="What changed; the same change matches once.")

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "matches"
        constraints = [
            models.UniqueConstraint(fields=["lead", "listing", "change_key"], name="match_once"),
            models.CheckConstraint(condition=models.Q(score__range=(0, 100)), name="match_score_0_100"),
        ]
        indexes = [
            models.Index(fields=["lead", "-matched_at"], name="match_of_lead"),
            models.Index(fields=["listing", "-score"], name="match_of_listing"),
            models.Index(fields=["tenant", "-id"], name="match_recent"),
        ]

    def __str__(self) -> str:
        return f"listing {self.listing_id} for lead {self.lead_id}"


def make_token() -> str:
    """Return an address nobody can guess."""
    return secrets.token_urlsafe(24)


class SentListing(models.Model):
    """A home an agent sent to a lead by a link of its own, and what came of it."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="sent_listings", db_index=False)
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="sent_listings", db_index=False)
    listing = models.ForeignKey(
        Listing, on_delete=models.CASCADE, related_name="sent_listings", db_index=False
    )
    token = models.CharField(max_length=40, unique=True, default=make_token, editable=False)
    note = models.CharField(max_length=500, blank=True)
    sent_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    sent_at = models.DateTimeField(default=timezone.now)
    opened_at = models.DateTimeField(null=True, blank=True)
    opened = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["lead", "-id"], name="sent_listing_of_lead"),
            models.Index(fields=["listing", "-id"], name="sent_listing_of_listing"),
            models.Index(fields=["tenant", "-id"], name="sent_listing_recent"),
        ]

    def __str__(self) -> str:
        return f"sent listing {self.pk}"

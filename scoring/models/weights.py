"""How strongly parts of the score count."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from leads.models import Lead, Tenant, User


class WeightSet(models.Model):
    """How strongly each pillar counts, by segment; a version that is never changed once it served."""

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        SERVING = "serving", "Serving"
        RETIRED = "retired", "Retired"

    class Origin(models.TextChoices):
        LEARNED = "learned", "Learned"
        BROKER = "broker", "Set by hand"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="weight_sets", db_index=False)
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.DRAFT)
    origin = models.CharField(max_length=8, choices=Origin.choices)
    weights = models.JSONField(help_text="By segment, the empty one for all: pillar and multiplier.")
    evidence = models.JSONField(default=dict, blank=True, help_text="Intervals and reasons they rest on.")
    preview = models.JSONField(default=dict, blank=True, help_text="What publishing them would change.")
    reason = models.CharField(max_length=300, blank=True)
    made_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    made_at = models.DateTimeField(default=timezone.now)
    published_at = models.DateTimeField(null=True, blank=True)
    published_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    despite_calibration = models.BooleanField(
        default=False, help_text="Published though scores were seen to be off by more with it."
    )
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="weight_set_number"),
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(state="serving"), name="weight_set_serves_alone"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """Return what predictions call it."""
        return f"set-{self.number}"

    @property
    def is_plain(self) -> bool:
        """Tell whether every part counts once, as in the plain model."""
        return all(value == 1.0 for told in self.weights.values() for value in told.values())


class WeightSettings(models.Model):
    """What else turns a tenant's weights beside the set that serves: the market, and each lead's own past."""

    tenant = models.OneToOneField(
        Tenant, on_delete=models.CASCADE, primary_key=True, related_name="weight_settings"
    )
    uses_market = models.BooleanField(default=False)
    uses_personal = models.BooleanField(default=False)
    area = models.CharField(
        max_length=120, blank=True, help_text="The area whose market counts; empty: the only one."
    )
    market_at = models.DateTimeField(
        null=True, blank=True, help_text="When market rows were last entered or removed."
    )
    personal = models.JSONField(
        default=dict,
        blank=True,
        help_text="What fitting weights to single leads gave last.",
    )
    set_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    set_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "weight settings"

    def __str__(self) -> str:
        return f"weight settings of {self.tenant_id}"


class PersonalWeights(models.Model):
    """What a lead's own past multiplies parts of its score with; fitted anew each night."""

    lead = models.OneToOneField(
        Lead, on_delete=models.CASCADE, primary_key=True, related_name="personal_weights"
    )
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    multipliers = models.JSONField(help_text="By pillar; one not named counts once.")
    reasons = models.JSONField(help_text="By pillar, in a sentence.")
    moments = models.PositiveIntegerField(help_text="Weeks of the lead's own past they rest on.")
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "personal weights"

    def __str__(self) -> str:
        return f"weights of lead {self.lead_id}"

"""What is tried on some leads."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from leads.models import Lead, ModelVersion, Tenant, User
from scoring.models.weights import WeightSet


class Experiment(models.Model):
    """One way of scoring tried against what serves, on leads that a hash divides."""

    class State(models.TextChoices):
        DRAFT = "draft", "Planned"
        RUNNING = "running", "Running"
        ENDED = "ended", "Ended"

    class Tries(models.TextChoices):
        WEIGHTS = "weights", "A weight set"
        MODEL = "model", "A version of the model"
        TIERS = "tiers", "Where tiers begin"

    class Target(models.TextChoices):
        CLOSING = "closing", "Closes within 90 days"
        SHOWING = "showing", "Keeps an appointment within 90 days"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="experiments", db_index=False)
    name = models.CharField(max_length=80)
    state = models.CharField(max_length=7, choices=State.choices, default=State.DRAFT)
    tries = models.CharField(max_length=7, choices=Tries.choices)
    target = models.CharField(max_length=7, choices=Target.choices)
    weight_set = models.ForeignKey(
        WeightSet, on_delete=models.PROTECT, null=True, blank=True, related_name="experiments", db_index=False
    )
    model_version = models.ForeignKey(
        ModelVersion,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="experiments",
        db_index=False,
    )
    cuts = models.JSONField(
        default=dict, blank=True, help_text="Where tiers of the treated begin: hot, warm, steady, margin."
    )
    plan = models.JSONField(
        help_text="Shares, base rate, effect, alpha, power, leads a day, and what it takes."
    )
    reading = models.JSONField(default=dict, blank=True, help_text="What it said when it was read last.")
    course = models.JSONField(default=list, blank=True, help_text="The difference at each day it was read.")
    read_at = models.DateTimeField(null=True, blank=True)
    made_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    made_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    served_at = models.DateTimeField(
        null=True, blank=True, help_text="When the treated variant was taken over."
    )

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(state="running"), name="experiment_runs_alone"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "-id"], name="experiment_list")]

    def __str__(self) -> str:
        return f"experiment {self.pk}"


class ExperimentLead(models.Model):
    """A lead that entered an experiment, and the variant it was given."""

    experiment = models.ForeignKey(
        Experiment, on_delete=models.CASCADE, related_name="entries", db_index=False
    )
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="+", db_index=True)
    is_treated = models.BooleanField()
    entered_at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["experiment", "lead"], name="experiment_lead_once"),
        ]

    def __str__(self) -> str:
        return f"lead {self.lead_id} in experiment {self.experiment_id}"

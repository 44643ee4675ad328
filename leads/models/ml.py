from __future__ import annotations

from django.db import models
from django.utils import timezone

from leads.models.leads import Lead
from leads.models.tenants import Tenant, User


class FeatureState(models.Model):
    """What the feature functions remember of a lead's history."""

    lead = models.OneToOneField(
        Lead, on_delete=models.CASCADE, primary_key=True, related_name="feature_state"
    )
    state = models.JSONField()
    version = models.CharField(max_length=20)
    last_event_id = models.BigIntegerField()
    last_occurred_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"state of lead {self.lead_id}"


class ModelQuerySet(models.QuerySet["ModelVersion"]):
    def for_tenant(self, tenant: Tenant) -> ModelQuerySet:
        """Return a tenant's own versions; those of the whole market belong to nobody."""
        return self.filter(tenant=tenant)

    def serving(self) -> ModelQuerySet:
        return self.filter(state=ModelVersion.State.SERVING)


class ModelVersion(models.Model):
    """A trained model: what it learned from, how it measured forward in time, and whether it serves.

    The artifact is the engine's own format (never a pickle), read only when its checksum and its feature
    version are the expected ones. A version without tenant is the pooled model of the market.
    """

    class Engine(models.TextChoices):
        SCORES = "scores", "Scores"
        LAPSE = "lapse", "Lapse"

    class State(models.TextChoices):
        CANDIDATE = "candidate", "Candidate"
        SHADOW = "shadow", "Shadow"
        SERVING = "serving", "Serving"
        RETIRED = "retired", "Retired"
        REFUSED = "refused", "No signal"

    tenant = models.ForeignKey(
        Tenant, on_delete=models.CASCADE, null=True, blank=True, related_name="model_versions", db_index=False
    )
    engine = models.CharField(max_length=8, choices=Engine.choices)
    name = models.CharField(max_length=60, unique=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.CANDIDATE)
    target = models.CharField(max_length=20, help_text="What it foretells.")
    kind = models.CharField(max_length=120, help_text="The recipe that won.")
    feature_version = models.CharField(max_length=20)
    features = models.JSONField(help_text="Names of the features it reads.")
    leads = models.PositiveIntegerField()
    rows = models.PositiveIntegerField(help_text="Moments of leads it learned from.")
    positives = models.PositiveIntegerField(help_text="Moments after which the outcome came.")
    data_from = models.DateTimeField()
    data_until = models.DateTimeField()
    seed = models.BigIntegerField()
    metrics = models.JSONField()
    cuts = models.JSONField(
        default=dict, blank=True, help_text="Where its scores are cut where a tenant has no cuts of its own."
    )
    preview = models.JSONField(default=dict, blank=True, help_text="What publishing it would change.")
    shadow = models.JSONField(
        default=dict, blank=True, help_text="How right it was unseen, beside what served."
    )
    watched = models.JSONField(
        default=dict, blank=True, help_text="How leads of late differ from those it learned from."
    )
    shift = models.FloatField(
        default=0.0, help_text="Added to its log odds, for the base rate leads seem to have now."
    )
    artifact = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    reason = models.CharField(max_length=300, blank=True, help_text="Why it serves, or why not.")
    fault = models.CharField(max_length=300, blank=True, help_text="Why it could not be used.")
    fault_at = models.DateTimeField(null=True, blank=True)
    made_at = models.DateTimeField(default=timezone.now)
    promoted_at = models.DateTimeField(null=True, blank=True)
    promoted_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    retired_at = models.DateTimeField(null=True, blank=True)

    objects = ModelQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["engine", "tenant"],
                condition=models.Q(state="serving"),
                nulls_distinct=False,
                name="model_serves_alone",
            ),
            models.UniqueConstraint(
                fields=["engine", "tenant"],
                condition=models.Q(state="shadow"),
                nulls_distinct=False,
                name="model_shadows_alone",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "engine", "-id"], name="model_history")]

    def __str__(self) -> str:
        return self.name


class ModelRun(models.Model):
    """Long work on a tenant's models and how far it is: a training, or what a version would change."""

    class Work(models.TextChoices):
        TRAIN = "train", "Training"
        PREVIEW = "preview", "Preview"
        LEARN = "learn", "Learning weights"
        WEIGH = "weigh", "Preview of weights"

    class State(models.TextChoices):
        OPEN = "open", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Not done"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="model_runs", db_index=False)
    engine = models.CharField(max_length=8, choices=ModelVersion.Engine.choices)
    work = models.CharField(max_length=8, choices=Work.choices)
    version = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, null=True, blank=True, related_name="runs", db_index=False
    )
    about = models.CharField(
        max_length=60, blank=True, help_text="What it is about where that is no version: a set of weights."
    )
    state = models.CharField(max_length=6, choices=State.choices, default=State.OPEN)
    told = models.CharField(max_length=300, blank=True, help_text="How far it is, or why it was not done.")
    by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    begun_at = models.DateTimeField(default=timezone.now)
    heard_at = models.DateTimeField(default=timezone.now, help_text="When it last told how far it is.")

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "engine", "work"],
                condition=models.Q(state="open"),
                name="model_run_alone",
            )
        ]
        indexes = [models.Index(fields=["tenant", "engine", "-id"], name="model_run_history")]

    def __str__(self) -> str:
        return f"{self.work} {self.pk}"

    @property
    def is_open(self) -> bool:
        return self.state == self.State.OPEN

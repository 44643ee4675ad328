from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime

from django.db import models
from django.utils import timezone

from leads.models import Lead, ModelVersion, Tenant, User
from leads.models.leads import Tier
from scoring.outcomes import TARGET_LABELS
from scoring.overrides import LASTS, REASON_LABELS, strength


class LeadScore(models.Model):
    """One prediction: what the engine said of a lead after an event, from which inputs.

    `event_id` is null when time alone moved the score. The pair (lead, event) is unique: an event is scored
    once however often it is told.
    """

    class Mode(models.TextChoices):
        RULES = "rules", "Rules"
        MODEL = "model", "Model"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="lead_scores", db_index=False)
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="scores", db_index=False)
    event_id = models.BigIntegerField(null=True, blank=True)
    score = models.FloatField()
    low = models.FloatField(null=True, blank=True)
    high = models.FloatField(null=True, blank=True)
    tier = models.CharField(max_length=6, choices=Tier.choices)
    base = models.FloatField()
    contributions = models.JSONField(help_text="[feature, value, points], largest first.")
    pillars = models.JSONField(help_text="[pillar, points, weight].")
    mode = models.CharField(max_length=6, choices=Mode.choices)
    model_version = models.CharField(max_length=60, blank=True)
    weight_set = models.CharField(max_length=60)
    feature_version = models.CharField(max_length=20)
    inputs_hash = models.CharField(max_length=16)
    event_at = models.DateTimeField(help_text="The moment whose history was scored.")
    scored_at = models.DateTimeField()
    propensity = models.FloatField(
        null=True,
        blank=True,
        help_text="The chance the lead had of being hot, where chance decides for some.",
    )
    is_explored = models.BooleanField(default=False, help_text="Whether chance decided if it is hot.")

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["lead", "event_id"], name="lead_score_once"),
            models.CheckConstraint(
                condition=models.Q(score__gte=0, score__lte=100), name="lead_score_in_range"
            ),
        ]
        indexes = [
            models.Index(fields=["lead", "-event_at", "-id"], name="lead_score_history"),
            models.Index(fields=["tenant", "-id"], name="lead_score_audit"),
            models.Index(fields=["tenant", "scored_at"], name="lead_score_since"),
            models.Index(
                fields=["lead", "event_at"],
                condition=models.Q(propensity__isnull=False),
                name="lead_score_chance",
            ),
        ]

    def __str__(self) -> str:
        return f"score {self.pk} of lead {self.lead_id}"


class ScoreQuery(models.Model):
    """A program's question what a lead scored at a moment, and a worker's answer; kept for a day."""

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="score_queries", db_index=False)
    at = models.DateTimeField(help_text="The moment asked for.")
    model = models.CharField(max_length=60)
    asked_at = models.DateTimeField(default=timezone.now)
    answered_at = models.DateTimeField(null=True, blank=True, help_text="When its history was read.")
    answer = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "score queries"
        constraints = [
            models.UniqueConstraint(fields=["lead", "at", "model"], name="score_query_once"),
            models.CheckConstraint(
                condition=models.Q(answered_at__isnull=True, answer__isnull=True)
                | models.Q(answered_at__isnull=False, answer__isnull=False),
                name="score_query_answer_has_time",
            ),
        ]
        indexes = [models.Index(fields=["asked_at"], name="score_query_age")]

    def __str__(self) -> str:
        return f"score query {self.pk} about lead {self.lead_id}"


class TierCuts(models.Model):
    """What a tenant's team can do, and where its tiers begin under a learned model because of it."""

    tenant = models.OneToOneField(
        Tenant, on_delete=models.CASCADE, primary_key=True, related_name="tier_cuts"
    )
    model = models.CharField(max_length=60, blank=True, help_text="The version whose scores they cut.")
    cuts = models.JSONField(
        default=dict,
        blank=True,
        help_text="By segment, the empty one for all: hot, warm, steady, margin, reasons.",
    )
    hot_a_week = models.PositiveIntegerField(
        null=True, blank=True, help_text="Leads the team can call in a week; empty: so many for each agent."
    )
    least_precision = models.FloatField(default=0.0, help_text="Share of hot leads that must come.")
    explore_share = models.FloatField(
        default=0.0, help_text="Share of the leads for which chance decides if they are hot."
    )
    is_held = models.BooleanField(
        default=False, help_text="Won an experiment: stays until the broker says anew what the team can do."
    )
    set_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "tier cuts"

    def __str__(self) -> str:
        return f"tier cuts of {self.tenant_id}"


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


class MarketMonth(models.Model):
    """One area's market in one month that is over, as the team entered or imported it."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="market_months", db_index=False)
    area = models.CharField(max_length=120)
    month = models.DateField(help_text="Its first day.")
    homes_for_sale = models.PositiveIntegerField(null=True, blank=True)
    homes_sold = models.PositiveIntegerField(null=True, blank=True)
    months_of_supply = models.FloatField(null=True, blank=True)
    days_on_market = models.FloatField(null=True, blank=True, help_text="The median.")
    by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "area", "month"], name="market_month_once"),
            models.CheckConstraint(
                condition=models.Q(homes_for_sale__isnull=False)
                | models.Q(homes_sold__isnull=False)
                | models.Q(months_of_supply__isnull=False)
                | models.Q(days_on_market__isnull=False),
                name="market_month_tells_something",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-month", "area"], name="market_month_latest"),
            models.Index(fields=["area"], name="market_month_area"),
        ]

    def __str__(self) -> str:
        return f"{self.area}, {self.month:%B %Y}"

    @property
    def ends(self) -> date:
        """Return its last day, from which on its figures are known."""
        return self.month.replace(day=monthrange(self.month.year, self.month.month)[1])


class MortgageRate(models.Model):
    """What a mortgage of 30 years cost on a day, percent."""

    tenant = models.ForeignKey(
        Tenant, on_delete=models.CASCADE, related_name="mortgage_rates", db_index=False
    )
    day = models.DateField()
    rate = models.FloatField()
    by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "day"], name="mortgage_rate_once"),
            models.CheckConstraint(
                condition=models.Q(rate__gt=0, rate__lte=25), name="mortgage_rate_in_range"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rate:g} % on {self.day:%Y-%m-%d}"


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


class ShadowScore(models.Model):
    """What a version in shadow said of a lead, unseen, and what the lead was shown to score at that time."""

    version = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, related_name="shadow_scores", db_index=False
    )
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="+")
    score = models.FloatField()
    tier = models.CharField(max_length=6, choices=Tier.choices)
    standing_score = models.FloatField()
    standing_tier = models.CharField(max_length=6, choices=Tier.choices)
    standing_model = models.CharField(max_length=60, blank=True, help_text="Empty: the rules.")
    scored_at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["version", "lead", "-scored_at"], name="shadow_score_latest")]

    def __str__(self) -> str:
        return f"shadow score {self.pk} of lead {self.lead_id}"


class ScoreOverride(models.Model):
    """What an agent says of a lead beside its score, which it never changes; fades, and is graded later."""

    class End(models.TextChoices):
        WITHDRAWN = "withdrawn", "Withdrawn"
        REPLACED = "replaced", "Replaced by another"
        FADED = "faded", "Faded"
        OUTCOME = "outcome", "The outcome is known"

    tenant = models.ForeignKey(
        Tenant, on_delete=models.CASCADE, related_name="score_overrides", db_index=False
    )
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="score_overrides", db_index=False)
    set_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    set_at = models.DateTimeField(default=timezone.now)
    score = models.FloatField(help_text="0 to 100, as the agent says.")
    reason = models.CharField(
        max_length=12, choices=[(reason.value, label) for reason, label in REASON_LABELS.items()]
    )
    note = models.CharField(max_length=200, blank=True)
    model_score = models.FloatField(help_text="The score of that time.")
    model_tier = models.CharField(max_length=6, choices=Tier.choices)
    model_version = models.CharField(max_length=60, blank=True, help_text="Empty: the rules.")
    target = models.CharField(
        max_length=7, choices=[(target.value, label) for target, label in TARGET_LABELS.items()]
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    end = models.CharField(max_length=9, choices=End.choices, blank=True)
    ended_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    came = models.BooleanField(null=True, blank=True)
    known_at = models.DateTimeField(null=True, blank=True, help_text="When the outcome was known.")
    graded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["lead"], condition=models.Q(ended_at__isnull=True), name="score_override_stands_alone"
            ),
            models.CheckConstraint(
                condition=models.Q(score__gte=0, score__lte=100), name="score_override_in_range"
            ),
            models.CheckConstraint(
                condition=models.Q(came__isnull=True, known_at__isnull=True, graded_at__isnull=True)
                | models.Q(came__isnull=False, known_at__isnull=False, graded_at__isnull=False),
                name="score_override_grade_has_time",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="score_override_list"),
            models.Index(fields=["lead", "-id"], name="score_override_of_lead"),
        ]

    def __str__(self) -> str:
        return f"override {self.pk} of lead {self.lead_id}"

    @property
    def fades_at(self) -> datetime:
        """Return when nothing is left of it."""
        return self.set_at + LASTS

    def is_standing(self, now: datetime) -> bool:
        """Tell whether anything is left of it."""
        return self.ended_at is None and now < self.fades_at

    def strength(self, now: datetime) -> float:
        """Return what is left of it, from 1 to 0."""
        return strength(now - self.set_at) if self.is_standing(now) else 0.0

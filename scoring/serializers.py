"""What the API shows of scores."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.urls import reverse
from rest_framework import serializers

from leads.models import ModelVersion
from scoring import selectors
from scoring.models import Experiment, LeadScore, ScoreQuery

MEASURES = (
    "verdict",
    "base_rate",
    "own_share",
    "pooling",
    "forward",
    "baselines",
    "folds",
    "reliability",
    "gains",
    "importance",
    "segments",
)
"""What is told of a version's metrics; predictions kept one by one are not."""

USUAL_SPAN = timedelta(days=7)


class ContributionSerializer(serializers.Serializer[Any]):
    feature = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a column of that name, not the caption
    value = serializers.FloatField(
        allow_null=True, help_text="None where the lead's own field does not tell it."
    )
    points = serializers.FloatField()


class PillarSerializer(serializers.Serializer[Any]):
    pillar = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a column of that name, not the caption
    points = serializers.FloatField()
    weight = serializers.FloatField()


class LeverSerializer(serializers.Serializer[Any]):
    """What an agent can do that would lift the tier, by what goes with closings: no promise."""

    keys = serializers.ListField(child=serializers.CharField())
    sentence = serializers.CharField()
    minutes = serializers.FloatField(help_text="Of the agent's work.")
    score = serializers.FloatField()
    new_score = serializers.FloatField()
    tier = serializers.CharField()
    new_tier = serializers.CharField()


class ExplanationSerializer(serializers.Serializer[Any]):
    """A score taken apart: base + Σ points of the contributions = score."""

    score = serializers.FloatField()
    tier = serializers.CharField()
    base = serializers.FloatField()
    contributions = ContributionSerializer(many=True)
    pillars = PillarSerializer(many=True)
    mode = serializers.CharField()
    model_version = serializers.CharField()
    weight_set = serializers.CharField()
    feature_version = serializers.CharField()
    event_at = serializers.DateTimeField()
    scored_at = serializers.DateTimeField()
    levers = LeverSerializer(
        many=True, help_text="Three at most, the least work first; none for who is hot, has ended or refused."
    )


class ScoreAtSerializer(serializers.Serializer[Any]):
    """The score a lead had at a moment."""

    at = serializers.DateTimeField()
    score = serializers.FloatField()
    tier = serializers.CharField()
    base = serializers.FloatField()
    contributions = ContributionSerializer(many=True)
    mode = serializers.CharField()
    model_version = serializers.CharField()


class ScoreAtQuerySerializer(serializers.Serializer[Any]):
    """Which moment, and under which model."""

    at = serializers.DateTimeField(required=False, help_text="Now or earlier. Default: now.")
    model = serializers.CharField(
        default=selectors.CURRENT,
        help_text="`current` (what serves now; the default), `rules`, or the version of a stored model.",
    )

    def validate_model(self, name: str) -> str:
        known = selectors.known_models(self.context["tenant"])
        if name not in known:
            raise serializers.ValidationError(f"There is no such model. Known: {', '.join(known)}.")
        return name


class ScoreChangeQuerySerializer(serializers.Serializer[Any]):
    """Two moments of a lead's past."""

    def get_fields(self) -> dict[str, Any]:
        return {
            "from": serializers.DateTimeField(
                required=False, help_text="Default: seven days before `to`, or when the lead came."
            ),
            "to": serializers.DateTimeField(required=False, help_text="Now or earlier. Default: now."),
        }

    def validate(self, asked: dict[str, Any]) -> dict[str, Any]:
        known_since, now = self.context["known_since"], self.context["now"]
        end = asked.get("to", now)
        start = asked.get("from", max(end - USUAL_SPAN, known_since))
        if end > now:
            raise serializers.ValidationError({"to": "This moment is still to come."})
        if "from" in asked and start < known_since:
            raise serializers.ValidationError(
                {"from": f"Nothing was known of this lead before {known_since.isoformat()}."}
            )
        if start >= end:
            raise serializers.ValidationError({"to": "This moment must come after the first."})
        return {"from": start, "to": end}


class ScoreMomentSerializer(serializers.Serializer[Any]):
    """The score at one of the moments."""

    at = serializers.DateTimeField()
    score = serializers.FloatField()
    tier = serializers.CharField()
    base = serializers.FloatField()
    mode = serializers.CharField()
    model_version = serializers.CharField()


class MovedPillarSerializer(serializers.Serializer[Any]):
    pillar = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a column of that name, not the caption
    points = serializers.FloatField()


class MoveSerializer(serializers.Serializer[Any]):
    feature = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a column of that name, not the caption
    value_before = serializers.FloatField(source="before", allow_null=True)
    value_after = serializers.FloatField(source="after", allow_null=True)
    points = serializers.FloatField()


class ScoreChangeSerializer(serializers.Serializer[Any]):
    """What moved a score: base + Σ points of the moves = points = the later score less the earlier."""

    before = ScoreMomentSerializer()
    after = ScoreMomentSerializer()
    points = serializers.FloatField()
    base = serializers.FloatField(
        help_text="What another start moved: 0 where one model scored both. Ended deals go by the rules."
    )
    pillars = MovedPillarSerializer(many=True)
    moves = MoveSerializer(many=True)


class ScoreChangeWaitingSerializer(serializers.Serializer[Any]):
    """A question about two moments a worker has still to answer."""

    state = serializers.CharField(default="waiting")
    location = serializers.CharField(help_text="Where the answer will be: the same question.")


class ScoreWaitingSerializer(serializers.ModelSerializer[ScoreQuery]):
    """A question a worker has still to answer."""

    state = serializers.CharField(default="waiting", read_only=True)
    location = serializers.SerializerMethodField(help_text="Where the answer will be.")

    class Meta:
        model = ScoreQuery
        fields = ("id", "state", "at", "model", "asked_at", "location")

    def get_location(self, query: ScoreQuery) -> str:
        return reverse("scoring-lead-score-query", args=[query.lead_id, query.pk])


class ModelVersionSerializer(serializers.ModelSerializer[ModelVersion]):
    """A version of the model: what it learned from, how right it was forward in time, and what it is for."""

    metrics = serializers.SerializerMethodField(help_text="Forward in time, each figure with its interval.")

    class Meta:
        model = ModelVersion
        fields = (
            "id",
            "name",
            "engine",
            "state",
            "target",
            "kind",
            "feature_version",
            "features",
            "leads",
            "rows",
            "positives",
            "data_from",
            "data_until",
            "seed",
            "sha256",
            "reason",
            "fault",
            "made_at",
            "promoted_at",
            "retired_at",
            "shift",
            "watched",
            "metrics",
        )

    def get_metrics(self, version: ModelVersion) -> dict[str, Any]:
        return {name: version.metrics[name] for name in MEASURES if name in version.metrics}


class ExperimentSerializer(serializers.ModelSerializer[Experiment]):
    """An experiment: what is tried, what it takes, and what it said when it was read last."""

    weight_set = serializers.SerializerMethodField()
    model_version = serializers.SlugRelatedField[ModelVersion](slug_field="name", read_only=True)
    cuts = serializers.JSONField(
        help_text="Where tiers of the treated begin; empty where they are as they are."
    )
    plan = serializers.JSONField(help_text="Shares, base rate, effect, alpha, power, leads and days.")
    results = serializers.JSONField(
        source="reading", help_text="Variants, difference with its always valid interval, guards, stop."
    )

    class Meta:
        model = Experiment
        fields = (
            "id",
            "name",
            "state",
            "tries",
            "target",
            "weight_set",
            "model_version",
            "cuts",
            "plan",
            "results",
            "made_at",
            "started_at",
            "read_at",
            "ended_at",
            "served_at",
        )

    def get_weight_set(self, experiment: Experiment) -> str | None:
        return experiment.weight_set.name if experiment.weight_set is not None else None


class PredictionSerializer(serializers.ModelSerializer[LeadScore]):
    """One prediction of the audit trail."""

    lead = serializers.IntegerField(source="lead_id")
    score_interval = serializers.SerializerMethodField()
    contributions = serializers.SerializerMethodField()

    class Meta:
        model = LeadScore
        fields = (
            "id",
            "lead",
            "event_id",
            "score",
            "score_interval",
            "tier",
            "base",
            "contributions",
            "mode",
            "model_version",
            "weight_set",
            "feature_version",
            "inputs_hash",
            "event_at",
            "scored_at",
            "propensity",
            "is_explored",
        )

    def get_score_interval(self, row: LeadScore) -> list[float] | None:
        return None if row.low is None or row.high is None else [row.low, row.high]

    def get_contributions(self, row: LeadScore) -> list[dict[str, Any]]:
        return [
            {"feature": one.feature, "label": one.label, "value": one.value, "points": one.points}
            for one in selectors.explanation(row).contributions
        ]

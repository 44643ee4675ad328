"""Shapes of the API: what it gives, and what it takes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field, inline_serializer
from rest_framework import serializers

from leads.custom_fields import FieldType
from leads.events import SELF_SERVICE, Kind
from leads.intake import IntakeErrors, read_facts
from leads.models import Alert, CustomField, Event, Lead, LeadMerge, Tenant, User
from leads.models.alerts import AlertKind
from leads.models.conversations import Channel
from leads.models.leads import Segment, Tier

CLOCK_SKEW = timedelta(minutes=5)
MOST_KEYS = 50
TEXT_LENGTH = 10_000
DAY_SECONDS = 86_400


class TokenRequestSerializer(serializers.Serializer[Any]):
    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(trim_whitespace=False, write_only=True, max_length=1000)
    location_id = serializers.CharField(
        required=False, max_length=64, help_text="Which tenant to act in, for people who belong to several."
    )


class TokenPairSerializer(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="Send it as `Authorization: Bearer`; it lives 30 minutes.")
    refresh = serializers.CharField(help_text="Exchange it for a new access token; it lives 7 days.")


class RefreshRequestSerializer(serializers.Serializer[Any]):
    refresh = serializers.CharField(max_length=4000)


class AccessTokenSerializer(serializers.Serializer[Any]):
    access = serializers.CharField()


class LeadSerializer(serializers.ModelSerializer[Lead]):
    """A lead as the API gives it."""

    name = serializers.CharField(read_only=True)
    assigned_to = serializers.IntegerField(
        source="assigned_to_id", allow_null=True, read_only=True, help_text="User id."
    )
    score = serializers.FloatField(allow_null=True, read_only=True, help_text="0–100.")
    score_interval = serializers.SerializerMethodField(help_text="[low, high], or null.")
    tier = serializers.ChoiceField(choices=Tier.choices, allow_null=True, read_only=True)
    lapse = serializers.SerializerMethodField(help_text="Chance of going silent within 7, 14 and 30 days.")
    quality = serializers.SerializerMethodField(help_text="How complete the record is, and what is missing.")

    class Meta:
        model = Lead
        fields = [
            "id",
            "contact_id",
            "name",
            "first_name",
            "last_name",
            "email",
            "phone",
            "company",
            "address",
            "city",
            "state",
            "postal_code",
            "country",
            "time_zone",
            "tags",
            "segment",
            "source",
            "assigned_to",
            "custom",
            "profile",
            "consent",
            "score",
            "score_interval",
            "tier",
            "lapse",
            "quality",
            "scored_at",
            "next_action",
            "last_event_at",
            "created_at",
        ]
        read_only_fields = fields

    def to_representation(self, instance: Lead) -> dict[str, Any]:
        shown = super().to_representation(instance)
        shown["tier"] = shown["tier"] or None
        return shown

    @extend_schema_field({"type": "array", "items": {"type": "number"}, "nullable": True})
    def get_score_interval(self, lead: Lead) -> list[float] | None:
        if lead.score_low is None or lead.score_high is None:
            return None
        return [lead.score_low, lead.score_high]

    @extend_schema_field(
        inline_serializer(
            "Lapse",
            {days: serializers.FloatField(allow_null=True) for days in ("7", "14", "30")},
        )
    )
    def get_lapse(self, lead: Lead) -> dict[str, float | None]:
        return {"7": lead.lapse_7, "14": lead.lapse_14, "30": lead.lapse_30}

    @extend_schema_field(
        inline_serializer(
            "Quality",
            {
                "score": serializers.IntegerField(),
                "missing": inline_serializer(
                    "MissingPiece",
                    {
                        "field": serializers.CharField(),
                        "label": serializers.CharField(),
                        "worth": serializers.IntegerField(),
                    },
                    many=True,
                ),
            },
        )
    )
    def get_quality(self, lead: Lead) -> dict[str, Any]:
        return {"score": lead.quality, "missing": lead.quality_missing}


class LeadWriteSerializer(serializers.Serializer[Any]):
    """What may be told of a lead: text as people type it, such as "(206) 555-0123" or "$580k"."""

    name = serializers.CharField(required=False, help_text="First and last name in one.")
    first_name = serializers.CharField(required=False)
    last_name = serializers.CharField(required=False)
    email = serializers.CharField(required=False)
    phone = serializers.CharField(
        required=False, help_text="Read as dialled in the US unless it begins with +."
    )
    contact_id = serializers.CharField(required=False, help_text="GoHighLevel contact id.")
    company = serializers.CharField(required=False)
    address = serializers.CharField(required=False)
    city = serializers.CharField(required=False)
    state = serializers.CharField(required=False)
    postal_code = serializers.CharField(required=False)
    country = serializers.CharField(required=False, help_text="Two letters.")
    time_zone = serializers.CharField(required=False)
    tags = serializers.ListField(child=serializers.CharField(), required=False)
    segment = serializers.ChoiceField(choices=Segment.choices, required=False, allow_blank=True)
    source = serializers.CharField(required=False)  # type: ignore[assignment]  # a declared field is no attribute
    assigned_to = serializers.IntegerField(required=False, allow_null=True, help_text="User id, or null.")
    custom = serializers.DictField(
        required=False, help_text="The tenant's own fields by key; null clears one."
    )
    profile = serializers.DictField(required=False, help_text="Qualification answers; null clears one.")
    consent = serializers.DictField(
        child=serializers.ChoiceField(choices=["granted", "denied", "unknown"]),
        required=False,
        help_text="Consent by channel.",
    )

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Read the facts; every field that is wrong or unknown is named."""
        if not isinstance(data, Mapping):
            raise serializers.ValidationError({"non_field_errors": ["The body must be an object."]})
        known = self.fields.keys() | LeadSerializer.Meta.fields
        errors = {
            str(name): ["There is no such field. See the schema for what can be set."]
            for name in data
            if name not in known
        }
        given = {name: value for name, value in data.items() if name in self.fields}
        tenant: Tenant = self.context["tenant"]
        try:
            facts = read_facts(given, _field_types(tenant, given), now=timezone.now())
        except IntakeErrors as error:
            errors |= {name: [message] for name, message in error.errors.items()}
        user: User | None = None
        if given.get("assigned_to") is not None:
            user = self._person(given["assigned_to"])
            if user is None:
                errors["assigned_to"] = ["There is no active member of the team with this user id."]
        if errors:
            raise serializers.ValidationError(errors)
        return {"facts": facts, "assigns": "assigned_to" in given, "user": user}

    def _person(self, value: Any) -> User | None:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**63:
            return None
        member = self.context["team"].filter(user_id=value).first()
        return member.user if member else None


def _field_types(tenant: Tenant, given: Mapping[str, Any]) -> list[FieldType]:
    if not given.get("custom"):
        return []
    return [
        FieldType(row.key, row.name, row.data_type, tuple(str(option) for option in row.options))
        for row in CustomField.objects.filter(tenant=tenant)
    ]


class EventSerializer(serializers.ModelSerializer[Event]):
    actor = serializers.IntegerField(source="actor_id", allow_null=True, read_only=True, help_text="User id.")
    lead = serializers.IntegerField(source="lead_id", allow_null=True, read_only=True)

    class Meta:
        model = Event
        fields = ["id", "kind", "lead", "occurred_at", "recorded_at", "source", "actor", "data"]
        read_only_fields = fields


class EventWriteSerializer(serializers.Serializer[Any]):
    """Something a lead did or said."""

    kind = serializers.ChoiceField(choices=sorted((kind.value, kind.value) for kind in SELF_SERVICE))
    occurred_at = serializers.DateTimeField(
        required=False, default_timezone=UTC, help_text="Now, if left out; never in the future."
    )
    data = serializers.DictField(  # type: ignore[assignment]
        required=False, help_text="For example `text` of a message, `listing_key`."
    )
    dedupe_key = serializers.CharField(
        required=False, max_length=150, help_text="Told again under the same key, an event is recorded once."
    )

    def validate_kind(self, value: str) -> Kind:
        return Kind(value)

    def validate_occurred_at(self, value: Any) -> Any:
        now = timezone.now()
        if value > now + CLOCK_SKEW:
            raise serializers.ValidationError("An event cannot lie in the future.")
        return min(value, now)

    def validate_data(self, value: dict[str, Any]) -> dict[str, Any]:
        if len(value) > MOST_KEYS:
            raise serializers.ValidationError(f"At most {MOST_KEYS} values.")
        for key, held in value.items():
            _check_datum(str(key), held)
        return value


def _check_datum(key: str, value: Any) -> None:
    """Refuse what the engines or pages could not read."""
    flat = value if isinstance(value, list) else [value]
    if len(key) > 100 or "\0" in key or len(flat) > MOST_KEYS:
        raise serializers.ValidationError({key[:100]: ["This is too long."]})
    for item in flat:
        if not (item is None or isinstance(item, (str, int, float, bool))):
            raise serializers.ValidationError({key: ["Write this as text, a number, or a list of them."]})
        if isinstance(item, str) and (len(item) > TEXT_LENGTH or "\0" in item):
            raise serializers.ValidationError({key: [f"Text of at most {TEXT_LENGTH} characters."]})
    if key == "text" and not isinstance(value, str):
        raise serializers.ValidationError({key: ["Write this as text."]})
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if key == "seconds" and not (is_number and 0 <= value <= DAY_SECONDS):
        raise serializers.ValidationError({key: ["Write the length of the call in seconds."]})
    if key == "is_automatic" and not isinstance(value, bool):
        raise serializers.ValidationError({key: ["Write true or false."]})
    if key == "channel" and value not in Channel.values:
        raise serializers.ValidationError({key: [f"The channel is one of: {', '.join(Channel.values)}."]})


class AlertSerializer(serializers.ModelSerializer[Alert]):
    lead = serializers.IntegerField(source="lead_id", read_only=True)
    kind = serializers.ChoiceField(choices=AlertKind.choices, read_only=True)
    assigned_to = serializers.IntegerField(source="assigned_to_id", allow_null=True, read_only=True)
    acknowledged_by = serializers.IntegerField(source="acknowledged_by_id", allow_null=True, read_only=True)
    in_time = serializers.BooleanField(
        allow_null=True, read_only=True, help_text="Handled within its goal; null while that is open."
    )

    class Meta:
        model = Alert
        fields = [
            "id",
            "lead",
            "kind",
            "state",
            "reason",
            "data",
            "assigned_to",
            "event_at",
            "raised_at",
            "goal_at",
            "escalated_at",
            "acknowledged_at",
            "acknowledged_by",
            "in_time",
        ]
        read_only_fields = fields


class MergeSerializer(serializers.ModelSerializer[LeadMerge]):
    survivor = serializers.IntegerField(source="survivor_id", read_only=True)
    absorbed = serializers.IntegerField(source="absorbed_id", read_only=True)
    by = serializers.IntegerField(source="by_id", allow_null=True, read_only=True)

    class Meta:
        model = LeadMerge
        fields = ["id", "survivor", "absorbed", "reason", "by", "merged_at", "undone_at"]
        read_only_fields = fields


class MergeRequestSerializer(serializers.Serializer[Any]):
    absorbed = serializers.IntegerField(min_value=1, help_text="The lead that becomes part of this one.")
    reason = serializers.CharField(required=False, allow_blank=True, max_length=200, default="")


class DuplicateSerializer(serializers.Serializer[Any]):
    lead = LeadSerializer()
    reasons = serializers.ListField(child=serializers.CharField())

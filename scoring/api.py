"""Scoring's part of the API: why a score, what it was at a moment, and the audit trail of predictions."""

from __future__ import annotations

from functools import partial
from typing import Any, cast
from urllib.parse import urlencode

import django_filters
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from leads.access import MemberRequest, get_lead, leads_for, model_versions_for, of_team
from leads.models import Lead, ModelVersion
from leads.pagination import CursorPagination
from leads.problems import ProblemSerializer
from scoring import selectors, services, tasks
from scoring.models import Experiment, LeadScore, ScoreQuery
from scoring.serializers import (
    ExperimentSerializer,
    ExplanationSerializer,
    ModelVersionSerializer,
    PredictionSerializer,
    ScoreAtQuerySerializer,
    ScoreAtSerializer,
    ScoreChangeQuerySerializer,
    ScoreChangeSerializer,
    ScoreChangeWaitingSerializer,
    ScoreWaitingSerializer,
)


def _problems(*codes: int) -> dict[int, Any]:
    return dict.fromkeys((401, 403, 429, *codes), ProblemSerializer)


_WAITING_HEADERS = [
    OpenApiParameter(
        "Location", str, OpenApiParameter.HEADER, response=[202], description="Where the answer will be."
    ),
    OpenApiParameter(
        "Retry-After",
        int,
        OpenApiParameter.HEADER,
        response=[202],
        description="Seconds until it is worth a look.",
    ),
]


def _told(query: ScoreQuery) -> Response:
    """Answer with the score, or with where it will be."""
    if query.answered_at is None:
        waiting = ScoreWaitingSerializer(query).data
        headers = {"Location": waiting["location"], "Retry-After": "1"}
        return Response(waiting, status=status.HTTP_202_ACCEPTED, headers=headers)
    return Response(ScoreAtSerializer({**(query.answer or {}), "at": query.at}).data)


@extend_schema(tags=["leads"])
class LeadScoreViewSet(GenericViewSet[Lead]):
    """What was said of one lead, and why."""

    lookup_value_converter = "int"
    queryset = Lead.objects.none()

    @extend_schema(
        summary="Explain a lead's score",
        responses={200: ExplanationSerializer, **_problems(404)},
    )
    @action(detail=True, methods=["get"], pagination_class=None, filter_backends=[])
    def explanation(self, request: Request, pk: int) -> Response:
        lead = get_lead(request, pk)
        told = services.standing_explanation(lead)
        if told is None:
            raise Http404
        levers = services.lifts_of(lead) or []
        return Response(ExplanationSerializer({**selectors.as_json(told), "levers": levers}).data)

    @extend_schema(
        summary="Show the score a lead had at a moment",
        description=(
            "A worker replays what the lead had done and said by then. When that takes over two seconds, or "
            "several programs wait already, the answer is 202 and the score is then found at `Location`. The "
            "same question is worked out again only after the lead was scored anew. The record (source, "
            "answers in fields) and the thresholds of tiers are taken as they are now: they keep no history. "
            "Before the lead was known, the score is that of somebody nothing is known of."
        ),
        parameters=[ScoreAtQuerySerializer, *_WAITING_HEADERS],
        responses={200: ScoreAtSerializer, 202: ScoreWaitingSerializer, **_problems(400, 404)},
    )
    @action(detail=True, methods=["get"], pagination_class=None, filter_backends=[])
    def score(self, request: Request, pk: int) -> Response:
        lead = get_lead(request, pk)
        asked = ScoreAtQuerySerializer(data=request.query_params, context={"tenant": lead.tenant})
        asked.is_valid(raise_exception=True)
        now = timezone.now()
        at = asked.validated_data.get("at") or now
        if at > now:
            raise ValidationError({"at": "This moment is still to come."})
        query, is_open = services.ask_score(lead=lead, at=at, model=asked.validated_data["model"])
        if is_open:
            transaction.on_commit(partial(tasks.answer_query.delay, query.pk), robust=True)
        return _told(services.wait_for_answer(query=query))

    @extend_schema(
        summary="Show what moved a lead's score between two moments",
        description=(
            "Both scores are those of what serves now, replayed point in time, and the differences of their "
            "parts add up exactly. A long history is left to a worker: when that takes over two seconds the "
            "answer is 202, and the same question, at `Location`, is answered once the worker is done."
        ),
        parameters=[ScoreChangeQuerySerializer, *_WAITING_HEADERS],
        responses={200: ScoreChangeSerializer, 202: ScoreChangeWaitingSerializer, **_problems(400, 404)},
    )
    @action(
        detail=True,
        methods=["get"],
        pagination_class=None,
        filter_backends=[],
        url_path="score/change",
        url_name="score-change",
    )
    def score_change(self, request: Request, pk: int) -> Response:
        lead = get_lead(request, pk)
        context = {"known_since": selectors.known_since(lead), "now": timezone.now()}
        asked = ScoreChangeQuerySerializer(data=request.query_params, context=context)
        asked.is_valid(raise_exception=True)
        start, end = asked.validated_data["from"], asked.validated_data["to"]
        found = services.ask_change(lead=lead, start=start, end=end)
        for query_id in found.to_queue:
            transaction.on_commit(partial(tasks.answer_query.delay, query_id), robust=True)
        found = services.wait_for_change(asked=found)
        if found.answer is None:
            same = urlencode({"from": start.isoformat(), "to": end.isoformat()})
            location = f"{reverse('scoring-lead-score-change', args=[lead.pk])}?{same}"
            waiting = ScoreChangeWaitingSerializer({"state": "waiting", "location": location}).data
            headers = {"Location": location, "Retry-After": "1"}
            return Response(waiting, status=status.HTTP_202_ACCEPTED, headers=headers)
        return Response(ScoreChangeSerializer(selectors.change_as_json(found.answer)).data)

    @extend_schema(
        summary="Fetch the answer to a question about a past score",
        description="Never waits: 202 again while no worker has answered. Questions are kept for a day.",
        parameters=[OpenApiParameter("query", int, OpenApiParameter.PATH), *_WAITING_HEADERS],
        responses={200: ScoreAtSerializer, 202: ScoreWaitingSerializer, **_problems(404)},
    )
    @action(
        detail=True,
        methods=["get"],
        pagination_class=None,
        filter_backends=[],
        url_path="score/queries/<int:query>",
        url_name="score-query",
    )
    def score_query(self, request: Request, pk: int, query: int) -> Response:
        found = ScoreQuery.objects.filter(lead=get_lead(request, pk), pk=query).first()
        if found is None:
            raise Http404
        return _told(found)


class PredictionFilter(django_filters.FilterSet):  # type: ignore[misc]  # untyped library
    """Filters of the audit trail."""

    lead = django_filters.NumberFilter(field_name="lead_id", label="Lead id.")
    since = django_filters.IsoDateTimeFilter(
        field_name="scored_at", lookup_expr="gte", label="Made at or after this moment."
    )

    class Meta:
        model = LeadScore
        fields: list[str] = []


@extend_schema(tags=["predictions"])
@extend_schema_view(
    list=extend_schema(
        summary="List predictions, newest first",
        responses={200: PredictionSerializer(many=True), **_problems(400)},
    )
)
class PredictionViewSet(mixins.ListModelMixin, GenericViewSet[LeadScore]):
    """Every prediction with its model version, a hash of its inputs, and its time."""

    serializer_class = PredictionSerializer
    filterset_class = PredictionFilter
    pagination_class = CursorPagination
    queryset = LeadScore.objects.none()

    def get_queryset(self) -> QuerySet[LeadScore]:
        tenant = cast(MemberRequest, self.request).tenant
        return LeadScore.objects.filter(tenant=tenant, lead__in=leads_for(self.request))


class ModelVersionFilter(django_filters.FilterSet):  # type: ignore[misc]  # untyped library
    """Filters of model versions."""

    engine = django_filters.ChoiceFilter(choices=ModelVersion.Engine.choices)
    state = django_filters.ChoiceFilter(choices=ModelVersion.State.choices)

    class Meta:
        model = ModelVersion
        fields: list[str] = []


@extend_schema(tags=["models"])
@extend_schema_view(
    list=extend_schema(
        summary="List the models learned from the team's own leads, newest first",
        responses={200: ModelVersionSerializer(many=True), **_problems(400)},
    ),
    retrieve=extend_schema(
        summary="Show one model with its metrics", responses={200: ModelVersionSerializer, **_problems(404)}
    ),
)
class ModelVersionViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[ModelVersion]):
    """Versions of the team's models with data window, features, metrics and checksum."""

    lookup_value_converter = "int"
    serializer_class = ModelVersionSerializer
    filterset_class = ModelVersionFilter
    queryset = ModelVersion.objects.none()

    def get_queryset(self) -> QuerySet[ModelVersion]:
        return model_versions_for(self.request)


@extend_schema(tags=["experiments"])
@extend_schema_view(
    list=extend_schema(
        summary="List the team's experiments, newest first",
        responses={200: ExperimentSerializer(many=True), **_problems(400)},
    ),
    retrieve=extend_schema(
        summary="Show one experiment with its variants and results",
        responses={200: ExperimentSerializer, **_problems(404)},
    ),
)
class ExperimentViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Experiment]):
    """Experiments with what they try, what they take and what they say."""

    lookup_value_converter = "int"
    serializer_class = ExperimentSerializer
    filterset_fields = ("state", "tries")
    queryset = Experiment.objects.none()

    def get_queryset(self) -> QuerySet[Experiment]:
        return of_team(self.request, Experiment.objects.select_related("weight_set", "model_version")).defer(
            "model_version__artifact", "model_version__metrics", "course"
        )


routes: list[tuple[str, type[GenericViewSet[Any]]]] = [
    ("leads", LeadScoreViewSet),
    ("experiments", ExperimentViewSet),
    ("models", ModelVersionViewSet),
    ("predictions", PredictionViewSet),
]

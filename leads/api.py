"""The ground's part of the API: leads, their events and merges, alerts."""

from __future__ import annotations

from typing import Any, cast

import django_filters
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from leads.access import (
    alerts_for,
    get_alert,
    get_lead,
    get_merge,
    leads_for,
    merges_for,
    team_for,
    team_tenant,
)
from leads.models import Alert, Event, Identity, Lead, LeadMerge, User
from leads.models.alerts import AlertKind
from leads.models.leads import LeadQuerySet, Segment, Tier
from leads.pagination import CursorPagination
from leads.problems import ProblemSerializer
from leads.selectors import leads as lead_selectors
from leads.selectors.duplicates import duplicates_of
from leads.serializers import (
    AlertSerializer,
    DuplicateSerializer,
    EventSerializer,
    EventWriteSerializer,
    LeadSerializer,
    LeadWriteSerializer,
    MergeRequestSerializer,
    MergeSerializer,
)
from leads.services import alerts as alert_services
from leads.services import behavior, merging
from leads.services import leads as lead_services
from leads.tasks import ghl as tasks

ORDERINGS = {
    "score": F("score").asc(nulls_first=True),
    "-score": F("score").desc(nulls_last=True),
    "created_at": F("created_at").asc(),
    "-created_at": F("created_at").desc(),
    "last_event_at": F("last_event_at").asc(nulls_first=True),
    "-last_event_at": F("last_event_at").desc(nulls_last=True),
}


def _problems(*codes: int) -> dict[int, Any]:
    return dict.fromkeys((401, 403, 429, *codes), ProblemSerializer)


# Leads


class LeadFilter(django_filters.FilterSet):  # type: ignore[misc]  # untyped library
    """Filters of the list of leads."""

    contact_id = django_filters.CharFilter(
        method="filter_contact_id", max_length=64, label="Any GoHighLevel contact id the person has."
    )
    tier = django_filters.ChoiceFilter(choices=Tier.choices)
    segment = django_filters.ChoiceFilter(choices=Segment.choices)
    source = django_filters.CharFilter(max_length=100)
    assigned_to = django_filters.NumberFilter(field_name="assigned_to_id", label="User id.")
    q = django_filters.CharFilter(
        method="filter_text", max_length=100, label="Beginnings of words of the name, e-mail or phone."
    )
    ordering = django_filters.ChoiceFilter(
        method="order", choices=[(name, name) for name in ORDERINGS], label="Default: -created_at."
    )

    class Meta:
        model = Lead
        fields: list[str] = []

    def filter_contact_id(self, leads: LeadQuerySet, name: str, value: str) -> LeadQuerySet:
        named = Identity.objects.filter(kind=Identity.Kind.CONTACT_ID, value=value).values("lead")
        return leads.filter(Q(contact_id=value) | Q(pk__in=named))

    def filter_text(self, leads: LeadQuerySet, name: str, value: str) -> LeadQuerySet:
        return lead_selectors.matching(leads, value)

    def order(self, leads: LeadQuerySet, name: str, value: str) -> LeadQuerySet:
        return leads.order_by(ORDERINGS[value], "-id" if value.startswith("-") else "id")


@extend_schema(tags=["leads"])
@extend_schema_view(
    list=extend_schema(summary="List leads", responses={200: LeadSerializer(many=True), **_problems(400)}),
)
class LeadViewSet(mixins.ListModelMixin, GenericViewSet[Lead]):
    """The people of the tenant, with what the engines last said of them."""

    serializer_class = LeadSerializer
    filterset_class = LeadFilter
    lookup_value_converter = "int"
    queryset = Lead.objects.none()

    def get_queryset(self) -> QuerySet[Lead]:
        return leads_for(self.request).active().order_by("-created_at", "-id")

    def _writer(self, request: Request) -> LeadWriteSerializer:
        context = {**self.get_serializer_context(), "tenant": team_tenant(request), "team": team_for(request)}
        writer = LeadWriteSerializer(data=request.data, context=context)
        writer.is_valid(raise_exception=True)
        return writer

    def _show(self, lead: Lead, code: int = 200) -> Response:
        headers = {"Location": reverse("lead-detail", args=[lead.pk])} if code == 201 else None
        return Response(LeadSerializer(lead).data, status=code, headers=headers)

    @extend_schema(
        summary="Show a lead",
        responses={
            200: LeadSerializer,
            308: OpenApiResponse(
                description="The lead was merged; `Location` is the one that stands for it."
            ),
            **_problems(404),
        },
    )
    def retrieve(self, request: Request, pk: int) -> Response:
        lead = get_lead(request, pk)
        if lead.merged_into_id is not None:
            address = reverse("lead-detail", args=[lead.merged_into_id])
            return Response({"merged_into": lead.merged_into_id}, status=308, headers={"Location": address})
        return self._show(lead)

    @extend_schema(
        summary="Add a lead",
        request=LeadWriteSerializer,
        responses={201: LeadSerializer, **_problems(400, 409)},
    )
    def create(self, request: Request) -> Response:
        told = self._writer(request).validated_data
        with transaction.atomic():
            lead = lead_services.create_lead(
                tenant=team_tenant(request),
                facts=told["facts"],
                by=cast(User, request.user),
                source=Event.Source.API,
            )
            if told["user"] is not None:
                lead = lead_services.assign_lead(
                    lead=lead, to=told["user"], by=cast(User, request.user), source=Event.Source.API
                )
        return self._show(lead, 201)

    @extend_schema(
        summary="Change a lead",
        description="A connected location's contact in GoHighLevel is brought up to date too.",
        request=LeadWriteSerializer,
        responses={200: LeadSerializer, **_problems(400, 404, 409)},
    )
    def partial_update(self, request: Request, pk: int) -> Response:
        lead = get_lead(request, pk)
        told = self._writer(request).validated_data
        by = cast(User, request.user)
        with transaction.atomic():
            lead = lead_services.update_lead(lead=lead, facts=told["facts"], by=by, source=Event.Source.API)
            if told["assigns"]:
                lead = lead_services.assign_lead(lead=lead, to=told["user"], by=by, source=Event.Source.API)
        tasks.send_soon(lead.pk)
        return self._show(lead)

    @extend_schema(summary="Delete a lead", request=None, responses={204: None, **_problems(404, 409)})
    def destroy(self, request: Request, pk: int) -> Response:
        lead_services.delete_lead(
            lead=get_lead(request, pk), by=cast(User, request.user), source=Event.Source.API
        )
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        methods=["GET"],
        summary="List a lead's events",
        parameters=[OpenApiParameter("kind", str, description="Only events of this kind.")],
        responses={200: EventSerializer(many=True), **_problems(404)},
    )
    @extend_schema(
        methods=["POST"],
        summary="Record a behaviour event",
        parameters=[
            OpenApiParameter(
                "Idempotency-Key",
                str,
                OpenApiParameter.HEADER,
                description="Stands for `dedupe_key` where the body has none.",
            )
        ],
        request=EventWriteSerializer,
        responses={
            201: EventSerializer,
            200: OpenApiResponse(EventSerializer, description="Recorded before under this key."),
            **_problems(400, 404, 409),
        },
    )
    @action(
        detail=True,
        methods=["get", "post"],
        pagination_class=CursorPagination,
        filterset_class=None,
        filter_backends=[],
    )
    def events(self, request: Request, pk: int) -> Response:
        """The timeline of a lead, latest first, and of those merged into it."""
        lead = get_lead(request, pk)
        return self._record(request, lead) if request.method == "POST" else self._timeline(request, lead)

    def _timeline(self, request: Request, lead: Lead) -> Response:
        events = Event.objects.filter(
            tenant=team_tenant(request), lead_id__in=lead_selectors.family_ids(lead)
        )
        if kind := request.query_params.get("kind"):
            events = events.filter(kind=kind)
        assert isinstance(self.paginator, CursorPagination)
        self.paginator.ordering = ("-occurred_at", "-id")
        page = self.paginate_queryset(cast(Any, events))
        return self.get_paginated_response(EventSerializer(page, many=True).data)

    def _record(self, request: Request, lead: Lead) -> Response:
        body = EventWriteSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        told = body.validated_data
        event, is_new = behavior.record_behavior(
            lead=lead,
            kind=told["kind"],
            occurred_at=told.get("occurred_at") or timezone.now(),
            data=told.get("data", {}),
            by=cast(User, request.user),
            dedupe_key=told.get("dedupe_key") or request.headers.get("Idempotency-Key", "")[:150],
        )
        return Response(EventSerializer(event).data, status=201 if is_new else 200)

    @extend_schema(
        summary="List leads that may be the same person",
        responses={200: DuplicateSerializer(many=True), **_problems(404)},
    )
    @action(detail=True, methods=["get"], pagination_class=None, filter_backends=[])
    def duplicates(self, request: Request, pk: int) -> Response:
        found = duplicates_of(get_lead(request, pk))
        return Response([{"lead": LeadSerializer(d.lead).data, "reasons": list(d.reasons)} for d in found])

    @extend_schema(
        summary="Merge another lead into this one",
        request=MergeRequestSerializer,
        responses={201: MergeSerializer, **_problems(400, 404, 409)},
    )
    @action(detail=True, methods=["post"])
    def merge(self, request: Request, pk: int) -> Response:
        survivor = get_lead(request, pk)
        body = MergeRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        done = merging.merge_leads(
            survivor=survivor,
            absorbed=get_lead(request, body.validated_data["absorbed"]),
            by=cast(User, request.user),
            reason=body.validated_data["reason"],
        )
        tasks.send_soon(done.survivor_id)
        return Response(MergeSerializer(done).data, status=201)


class MergeFilter(django_filters.FilterSet):  # type: ignore[misc]  # untyped library
    lead = django_filters.NumberFilter(method="filter_lead", label="Either of the two leads.")

    class Meta:
        model = LeadMerge
        fields: list[str] = []

    def filter_lead(self, merges: QuerySet[LeadMerge], name: str, value: Any) -> QuerySet[LeadMerge]:
        return merges.filter(Q(survivor_id=value) | Q(absorbed_id=value))


@extend_schema(tags=["leads"])
@extend_schema_view(
    list=extend_schema(summary="List merges", responses={200: MergeSerializer(many=True), **_problems()})
)
class MergeViewSet(mixins.ListModelMixin, GenericViewSet[LeadMerge]):
    """Which leads were merged, and undoing it."""

    serializer_class = MergeSerializer
    filterset_class = MergeFilter
    pagination_class = CursorPagination
    lookup_value_converter = "int"
    queryset = LeadMerge.objects.none()

    def get_queryset(self) -> QuerySet[LeadMerge]:
        return merges_for(self.request)

    @extend_schema(
        summary="Undo a merge", request=None, responses={200: MergeSerializer, **_problems(404, 409)}
    )
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: int) -> Response:
        undone = merging.undo_merge(merge=get_merge(request, pk), by=cast(User, request.user))
        for lead_id in (undone.survivor_id, undone.absorbed_id):
            tasks.send_soon(lead_id)
        return Response(MergeSerializer(undone).data)


# Alerts


class AlertFilter(django_filters.FilterSet):  # type: ignore[misc]  # untyped library
    state = django_filters.ChoiceFilter(choices=Alert.State.choices)
    kind = django_filters.ChoiceFilter(choices=AlertKind.choices)
    lead = django_filters.NumberFilter(field_name="lead_id", label="Lead id.")

    class Meta:
        model = Alert
        fields: list[str] = []


@extend_schema(tags=["alerts"])
@extend_schema_view(
    list=extend_schema(summary="List alerts", responses={200: AlertSerializer(many=True), **_problems(400)})
)
class AlertViewSet(mixins.ListModelMixin, GenericViewSet[Alert]):
    """What agents are to act on, latest first."""

    serializer_class = AlertSerializer
    filterset_class = AlertFilter
    lookup_value_converter = "int"
    queryset = Alert.objects.none()

    class pagination_class(CursorPagination):
        ordering = ("-raised_at", "-id")

    def get_queryset(self) -> QuerySet[Alert]:
        return alerts_for(self.request)

    @extend_schema(summary="Show an alert", responses={200: AlertSerializer, **_problems(404)})
    def retrieve(self, request: Request, pk: int) -> Response:
        return Response(AlertSerializer(get_alert(request, pk)).data)

    @extend_schema(
        summary="Acknowledge an alert",
        description="Stops its clock. Acknowledged again, nothing changes.",
        request=None,
        responses={200: AlertSerializer, **_problems(404)},
    )
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, pk: int) -> Response:
        alert = alert_services.acknowledge_alert(alert=get_alert(request, pk), by=cast(User, request.user))
        return Response(AlertSerializer(alert).data)


routes: list[tuple[str, type]] = [
    ("leads", LeadViewSet),
    ("merges", MergeViewSet),
    ("alerts", AlertViewSet),
]

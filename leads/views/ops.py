"""Health for load balancers and monitors, figures for Prometheus."""

from __future__ import annotations

from ipaddress import ip_address

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from leads.ops import health, metrics

PROXY_HEADERS = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


@never_cache
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """Tell that this process answers."""
    return JsonResponse({"status": health.Status.OK})


@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Tell whether this process can serve: the database answers and is up to date."""
    database = health.check_database()
    if database.status is health.Status.DOWN:
        return _not_ready(database.detail)
    try:
        migrated = health.is_migrated()
    except DatabaseError:
        return _not_ready("The database refused a query.")
    if not migrated:
        return _not_ready("The database is behind the code: run manage.py migrate.")
    return JsonResponse({"status": health.Status.OK})


def _not_ready(detail: str) -> JsonResponse:
    return JsonResponse({"status": health.Status.DOWN, "detail": detail}, status=503)


@never_cache
@require_safe
def realtime(request: HttpRequest) -> HttpResponse:
    """Tell how every part of the road from webhook to screen stands."""
    report = health.report()
    return JsonResponse(report.as_json(), status=503 if report.status is health.Status.DOWN else 200)


@never_cache
@require_safe
def show_metrics(request: HttpRequest) -> HttpResponse:
    """Give figures to Prometheus: from this machine, or to whoever holds the token."""
    if not (_came_from_this_machine(request) or _holds_token(request)):
        raise PermissionDenied("Metrics are for this machine, or for a caller with the metrics token.")
    return HttpResponse(metrics.exposition(), content_type=metrics.CONTENT_TYPE)


def _came_from_this_machine(request: HttpRequest) -> bool:
    if any(header in request.headers for header in PROXY_HEADERS):
        return False
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def _holds_token(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    wanted = settings.METRICS_TOKEN
    return bool(wanted) and scheme == "Bearer" and constant_time_compare(token.strip(), wanted)

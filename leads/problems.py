"""Errors of the API as RFC 9457 problem documents."""

from __future__ import annotations

import math
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions, serializers
from rest_framework.response import Response
from rest_framework.views import set_rollback

from leads.errors import DomainError
from leads.fields import FieldError
from leads.ops.logs import current_correlation_id, get_logger

log = get_logger("api")

CONTENT_TYPE = "application/problem+json"
CONFLICTS = frozenset({"conflict", "merged", "deleted", "already", "duplicate"})


class ConflictError(exceptions.APIException):
    """What was asked cannot be done to the object as it now is."""

    status_code = HTTPStatus.CONFLICT
    default_code = "conflict"
    default_detail = "This cannot be done to the object as it now is."


class ProblemSerializer(serializers.Serializer[Any]):
    """The shape of every error, for the schema."""

    class FieldProblem(serializers.Serializer[Any]):
        field = serializers.CharField()
        message = serializers.CharField()

    type = serializers.URLField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    errors = FieldProblem(many=True)  # type: ignore[assignment]  # a declared field is no attribute
    correlation_id = serializers.CharField()


def problem(
    status: int,
    detail: str,
    *,
    code: str = "",
    errors: list[dict[str, str]] | None = None,
) -> dict[str, Any]:
    """Return the body of a problem document."""
    title = HTTPStatus(status).phrase
    return {
        "type": f"{settings.BASE_URL}/api/docs/#problem-{code or title.lower().replace(' ', '-')}",
        "title": title,
        "status": status,
        "detail": detail,
        "errors": errors or [],
        "correlation_id": current_correlation_id(),
    }


def problem_response(request: HttpRequest, status: int, detail: str, *, code: str = "") -> JsonResponse:
    """Answer outside the API's views with a problem document."""
    return JsonResponse(problem(status, detail, code=code), status=status, content_type=CONTENT_TYPE)


def problem_handler(error: Exception, context: dict[str, Any]) -> Response:
    """Turn any error of an API view into a problem document; an unforeseen one tells nothing but its id."""
    set_rollback()
    headers: dict[str, str] = {}
    errors: list[dict[str, str]] = []
    if isinstance(error, Http404):
        status, code, detail = 404, "not-found", "There is nothing here that you may see."
    elif isinstance(error, PermissionDenied):
        status, code, detail = 403, "forbidden", str(error) or "You may not do this."
    elif isinstance(error, DomainError):
        status = 409 if error.code in CONFLICTS else 400
        code, detail = error.code, error.message
        named: dict[str, str] = getattr(error, "errors", {})
        if not named and (isinstance(error, FieldError) or hasattr(error, "field")):
            named = {getattr(error, "field", ""): error.message}
        errors = [{"field": field, "message": message} for field, message in named.items()]
    elif isinstance(error, exceptions.ValidationError):
        status, code = 400, "invalid"
        errors = list(_flat(error.detail))
        detail = errors[0]["message"] if len(errors) == 1 else f"{len(errors)} fields need mending."
    elif isinstance(error, exceptions.APIException):
        status, code = error.status_code, _code_of(error)
        detail = _detail_of(error)
        if isinstance(error, exceptions.Throttled) and (wait := getattr(error, "wait", None)) is not None:
            headers["Retry-After"] = str(max(1, math.ceil(wait)))
            detail = f"Too many requests; try again in {headers['Retry-After']} seconds."
        if header := getattr(error, "auth_header", None):
            headers["WWW-Authenticate"] = header
    else:
        status, code, detail = 500, "internal", "Something failed on our side; the correlation id finds it."
        got_request_exception.send(
            sender=problem_handler, request=getattr(context.get("request"), "_request", None)
        )
        log.error("api.failed", exc_info=error)
    return Response(
        problem(status, detail, code=code, errors=errors),
        status=status,
        headers=headers,
        content_type=CONTENT_TYPE,
    )


def _code_of(error: exceptions.APIException) -> str:
    codes = error.get_codes()
    code = codes if isinstance(codes, str) else error.default_code
    return code.replace("_", "-")


def _detail_of(error: exceptions.APIException) -> str:
    detail: Any = error.detail
    if isinstance(detail, dict):
        detail = detail.get("detail", error.default_detail)
    if isinstance(detail, list):
        detail = detail[0] if detail else error.default_detail
    return str(detail)


def _flat(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    """Name each wrong field by its dotted path; what is wrong with the whole body has the empty name."""
    if isinstance(detail, dict):
        for key, value in detail.items():
            own = "" if key == "non_field_errors" else str(key)
            yield from _flat(value, ".".join(part for part in (path, own) if part))
    elif isinstance(detail, list) and any(isinstance(item, (dict, list)) for item in detail):
        for index, item in enumerate(detail):
            if item:
                yield from _flat(item, f"{path}.{index}" if path else str(index))
    elif isinstance(detail, list):
        for item in detail:
            yield {"field": path, "message": str(item)}
    else:
        yield {"field": path, "message": str(detail)}

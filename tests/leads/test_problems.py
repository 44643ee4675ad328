from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import path
from rest_framework.exceptions import ParseError, Throttled, UnsupportedMediaType, ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView

from leads.errors import DomainError
from leads.fields import FieldError
from leads.intake import IntakeErrors
from leads.services.leads import LeadKnown

ERRORS: dict[str, Exception] = {
    "domain": DomainError("The lead is gone.", "gone"),
    "merged": DomainError("Merged into 7.", "merged"),
    "known": LeadKnown(7, "email", "e-mail address"),
    "field": FieldError("No phone."),
    "intake": IntakeErrors({"email": "No e-mail.", "custom.beds": "No number."}),
    "validation": ValidationError({"rows": [{}, {"email": ["Wrong."]}], "non_field_errors": ["Both."]}),
    "list": ValidationError(["One.", "Two."]),
    "denied": PermissionDenied("Only the broker."),
    "throttled": Throttled(wait=12.3),
    "parse": ParseError(),
    "media": UnsupportedMediaType("text/csv"),
    "unforeseen": RuntimeError("password of dana@example.net"),
}


class Failing(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()

    def get(self, request: Request, name: str) -> Any:
        raise ERRORS[name]


urlpatterns = [path("fail/<str:name>/", Failing.as_view())]
pytestmark = pytest.mark.urls(__name__)


@pytest.mark.parametrize(
    ("name", "status", "code", "detail", "errors"),
    [
        ("domain", 400, "gone", "The lead is gone.", []),
        ("merged", 409, "merged", "Merged into 7.", []),
        (
            "known",
            409,
            "conflict",
            "Lead 7 has this e-mail address already. If they are one person, merge the two.",
            [("email", "Lead 7 has this e-mail address already. If they are one person, merge the two.")],
        ),
        ("field", 400, "field", "No phone.", [("", "No phone.")]),
        (
            "intake",
            400,
            "invalid",
            "No e-mail. No number.",
            [("email", "No e-mail."), ("custom.beds", "No number.")],
        ),
        ("validation", 400, "invalid", "2 fields need mending.", [("rows.1.email", "Wrong."), ("", "Both.")]),
        ("list", 400, "invalid", "2 fields need mending.", [("", "One."), ("", "Two.")]),
        ("denied", 403, "forbidden", "Only the broker.", []),
        ("throttled", 429, "throttled", "Too many requests; try again in 13 seconds.", []),
        ("parse", 400, "parse-error", "Malformed request.", []),
        ("media", 415, "unsupported-media-type", 'Unsupported media type "text/csv" in request.', []),
    ],
)
def test_an_error_is_a_problem_document(
    name: str, status: int, code: str, detail: str, errors: list[tuple[str, str]], client: Client
) -> None:
    response = client.get(f"/fail/{name}/")

    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json")
    body = response.json()
    assert body["type"] == f"http://127.0.0.1:8000/api/docs/#problem-{code}"
    assert (body["status"], body["detail"]) == (status, detail)
    assert [(error["field"], error["message"]) for error in body["errors"]] == errors
    assert body["correlation_id"] == response["X-Correlation-ID"]


def test_a_wait_is_told_in_the_header(client: Client) -> None:
    assert client.get("/fail/throttled/")["Retry-After"] == "13"


def test_an_unforeseen_error_tells_its_id_alone(client: Client) -> None:
    client.raise_request_exception = False

    response = client.get("/fail/unforeseen/")

    assert response.status_code == 500
    assert "dana" not in response.content.decode()
    assert response.json()["correlation_id"] == response["X-Correlation-ID"]

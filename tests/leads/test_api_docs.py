from __future__ import annotations

import json
import re

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from config.api_docs import PROBLEMS, groups

pytestmark = pytest.mark.django_db

OF_THE_CONTRACT = {
    ("POST", "auth/token/"),
    ("POST", "auth/token/refresh/"),
    ("GET", "leads/"),
    ("POST", "leads/"),
    ("GET", "leads/{id}/"),
    ("PATCH", "leads/{id}/"),
    ("GET", "leads/{id}/explanation/"),
    ("GET", "leads/{id}/score/"),
    ("GET", "leads/{id}/events/"),
    ("POST", "leads/{id}/events/"),
    ("GET", "alerts/"),
    ("POST", "alerts/{id}/acknowledge/"),
    ("GET", "predictions/"),
}


def _named(part: re.Match[str]) -> str:
    return "{id}" if part[1] == "pk" else f"{{{part[1]}}}"


def _api_paths(patterns: list[URLPattern | URLResolver], prefix: str = "") -> set[str]:
    found: set[str] = set()
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found |= _api_paths(pattern.url_patterns, route)
        elif route.startswith("api/v1/"):
            found.add(re.sub(r"<int:(\w+)>", _named, route.removeprefix("api/v1/")))
    return found


def test_the_schema_is_openapi_3_and_public(client: Client) -> None:
    response = client.get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi+json"})

    schema = json.loads(response.content)
    assert schema["openapi"].startswith("3.")
    assert set(schema["components"]["securitySchemes"]) == {"token", "key"}


def test_every_route_is_in_the_schema() -> None:
    described = {operation.path for group in groups() for operation in group.operations}

    assert {path for path in _api_paths(get_resolver().url_patterns) if "^" not in path} == described


def test_the_routes_of_the_contract_exist() -> None:
    described = {(o.method, o.path) for group in groups() for o in group.operations}

    assert described >= OF_THE_CONTRACT


def test_every_operation_tells_what_it_gives() -> None:
    for group in groups():
        for operation in group.operations:
            codes = {code for code, _, _ in operation.answers}
            assert "429" in codes, operation
            assert operation.method not in ("POST", "PATCH") or operation.body or "{id}" in operation.path
            if operation.method == "GET":
                assert next(rows for code, _, rows in operation.answers if code == "200"), operation


def test_the_page_shows_it_all_without_a_script_of_its_own(client: Client) -> None:
    response = client.get("/api/docs/")

    page = response.content.decode()
    for group in groups():
        for operation in group.operations:
            assert f'id="{operation.anchor}"' in page
    for code, _, _ in PROBLEMS:
        assert f'id="problem-{code}"' in page
    assert "cdn" not in page
    assert "style=" not in page
    assert "<script>" not in page
    assert "unsafe" not in response["Content-Security-Policy"]

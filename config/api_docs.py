"""The page of the API, drawn on the server from its schema: no script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from drf_spectacular.generators import SchemaGenerator

METHODS = ("get", "post", "put", "patch", "delete")
PREFIX = "/api/v1/"
PROBLEMS = (
    ("invalid", 400, "The body or a filter is wrong; “errors” names each field."),
    ("parse-error", 400, "The body is not JSON."),
    ("token", 401, "The token is not valid, has expired, or its access was ended."),
    ("api_key", 401, "The key is not valid, was revoked or has expired."),
    ("not-authenticated", 401, "There is no Authorization header."),
    ("permission-denied", 403, "The caller's role may not do this."),
    ("not-found", 404, "There is nothing here that the caller may see."),
    ("conflict", 409, "Another lead has this e-mail address, phone number or contact id."),
    ("merged", 409, "The lead was merged into another; the detail names it."),
    ("throttled", 429, "More than 100 requests in a minute; Retry-After says when to go on."),
    ("internal", 500, "Something failed on our side; the correlation id finds it."),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A parameter or a field."""

    name: str
    kind: str
    text: str
    is_required: bool = False
    place: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one address."""

    anchor: str
    method: str
    path: str
    summary: str
    text: str
    parameters: tuple[Row, ...]
    body: tuple[Row, ...]
    answers: tuple[tuple[str, str, tuple[Row, ...]], ...]


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    operations: tuple[Operation, ...]


@require_GET
def docs(request: HttpRequest) -> HttpResponse:
    """Show every route, what it takes and what it gives."""
    context = {"groups": groups(), "problems": PROBLEMS, "prefix": PREFIX}
    return render(request, "api_docs.html", context)


@lru_cache(maxsize=1)
def groups() -> tuple[Group, ...]:
    """Return the schema's operations by tag; the schema does not change while a process runs."""
    generator: Any = SchemaGenerator
    schema = generator().get_schema(request=None, public=True)
    components: Mapping[str, Any] = schema.get("components", {}).get("schemas", {})
    found: dict[str, list[Operation]] = {}
    for path, item in schema["paths"].items():
        for method in METHODS:
            if method in item:
                tag = item[method].get("tags", ["other"])[0]
                found.setdefault(tag, []).append(_operation(method, path, item[method], components))
    return tuple(Group(tag, tuple(operations)) for tag, operations in found.items())


def _operation(
    method: str, path: str, operation: Mapping[str, Any], components: Mapping[str, Any]
) -> Operation:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return Operation(
        anchor=str(operation["operationId"]),
        method=method.upper(),
        path=path.removeprefix(PREFIX),
        summary=operation.get("summary", ""),
        text=operation.get("description", ""),
        parameters=tuple(
            Row(
                p["name"],
                _kind(p.get("schema", {}), components),
                p.get("description", ""),
                p.get("required", False),
                p["in"],
            )
            for p in operation.get("parameters", [])
        ),
        body=tuple(_fields(content.get("schema", {}), components, writing=True)),
        answers=tuple(
            (
                code,
                answer.get("description", ""),
                tuple(_fields(_answered(answer), components, writing=False)) if code < "300" else (),
            )
            for code, answer in operation.get("responses", {}).items()
        ),
    )


def _answered(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    content: Mapping[str, Any] = answer.get("content", {}).get("application/json", {})
    schema: Mapping[str, Any] = content.get("schema", {})
    return schema


def _resolved(schema: Mapping[str, Any], components: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a reference to the shape it names; an `allOf` or `oneOf` stands for its first part."""
    for _ in range(5):
        if "$ref" in schema:
            schema = components.get(schema["$ref"].rsplit("/", 1)[-1], {})
        elif schema.get("allOf") or schema.get("oneOf"):
            schema = (schema.get("allOf") or schema["oneOf"])[0]
        else:
            break
    return schema


def _fields(schema: Mapping[str, Any], components: Mapping[str, Any], *, writing: bool) -> Iterator[Row]:
    shape = _resolved(schema, components)
    if shape.get("type") == "array":
        shape = _resolved(shape.get("items", {}), components)
    results = _resolved(shape.get("properties", {}).get("results", {}), components)
    if results.get("type") == "array":
        shape = _resolved(results.get("items", {}), components)
    required = shape.get("required", [])
    for name, field in shape.get("properties", {}).items():
        if writing and field.get("readOnly"):
            continue
        yield Row(name, _kind(field, components), field.get("description", ""), writing and name in required)


def _kind(schema: Mapping[str, Any], components: Mapping[str, Any]) -> str:
    """Say in a word or two what a value is."""
    shape = _resolved(schema, components)
    if "enum" in shape:
        return "one of " + ", ".join(str(value) for value in shape["enum"] if value not in ("", None))
    kind = str(shape.get("format") or shape.get("type") or "any")
    if shape.get("type") == "array":
        return f"list of {_kind(shape.get('items', {}), components)}"
    words = {"date-time": "moment", "int64": "integer", "double": "number"}
    return words.get(kind, kind)

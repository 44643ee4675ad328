"""Lists of the API: `count, next, previous, results`."""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db.models import Q
from rest_framework import pagination
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which itself loads this module from the settings

PAGE_SIZE = 50
MAX_PAGE_SIZE = 200


class NumberedPagination(pagination.PageNumberPagination):
    """Pages by number, for lists that people leaf through."""

    page_size = PAGE_SIZE
    page_size_query_param = "page_size"
    max_page_size = MAX_PAGE_SIZE


class CursorPagination(pagination.PageNumberPagination):
    """Pages by place, for lists that grow while they are read: nothing is skipped or given twice.

    `ordering` names columns from the latest down, the last of them unique; a cursor holds their values.
    """

    page_size = PAGE_SIZE
    page_size_query_param = "page_size"
    max_page_size = MAX_PAGE_SIZE
    cursor_query_param = "cursor"
    ordering: tuple[str, ...] = ("-pk",)

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any] | None:
        self.address = request.build_absolute_uri()
        self.count = queryset.count()
        size = self.get_page_size(request) or self.page_size
        fields = [name.removeprefix("-") for name in self.ordering]
        text = request.query_params.get(self.cursor_query_param, "")
        backwards, place = self._read(text, len(fields)) if text else (False, None)
        rows = queryset.order_by(*(fields if backwards else self.ordering))
        if place is not None:
            try:
                rows = rows.filter(_beyond(fields, place, "gt" if backwards else "lt"))
            except (ValidationError, ValueError, TypeError) as error:
                raise NotFound("This cursor is not of this list.") from error
        found = list(rows[: size + 1])
        has_more, page = len(found) > size, found[:size]
        if backwards:
            page.reverse()
        self.next_place = self._place(page[-1], fields) if page and (has_more or backwards) else None
        is_inside = has_more if backwards else place is not None
        self.previous_place = self._place(page[0], fields) if page and is_inside else None
        return page

    def get_next_link(self) -> str | None:
        return self._link(False, self.next_place)

    def get_previous_link(self) -> str | None:
        return self._link(True, self.previous_place)

    def get_paginated_response(self, data: Any) -> Response:
        return Response(
            {
                "count": self.count,
                "next": self.get_next_link(),
                "previous": self.get_previous_link(),
                "results": data,
            }
        )

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        parameters = super().get_schema_operation_parameters(view)
        cursor = {
            "name": self.cursor_query_param,
            "required": False,
            "in": "query",
            "description": "A place in the list, as `next` and `previous` give it.",
            "schema": {"type": "string"},
        }
        return [cursor, *(p for p in parameters if p["name"] != self.page_query_param)]

    def _link(self, backwards: bool, place: list[Any] | None) -> str | None:
        if place is None:
            return None
        text = json.dumps([int(backwards), *place], separators=(",", ":"))
        cursor = urlsafe_b64encode(text.encode()).decode().rstrip("=")
        address = remove_query_param(self.address, self.cursor_query_param)
        return replace_query_param(address, self.cursor_query_param, cursor)

    def _place(self, row: Any, fields: list[str]) -> list[Any]:
        values = [getattr(row, field) for field in fields]
        return [value.isoformat() if isinstance(value, datetime) else value for value in values]

    def _read(self, text: str, length: int) -> tuple[bool, list[Any]]:
        try:
            backwards, *place = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except (binascii.Error, ValueError, TypeError) as error:
            raise NotFound("This is not a cursor.") from error
        is_fit = all(isinstance(value, (str, int)) for value in place) and backwards in (0, 1)
        if len(place) != length or not is_fit:
            raise NotFound("This is not a cursor.")
        return bool(backwards), place


def _beyond(fields: list[str], place: list[Any], side: str) -> Q:
    """Return the rows after a place: by the first column that differs."""
    condition, same = Q(), Q()
    for field, value in zip(fields, place, strict=True):
        condition |= same & Q(**{f"{field}__{side}": value})
        same &= Q(**{field: value})
    return condition

"""Lists of the API: `count, next, previous, results`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework import pagination
from rest_framework.request import Request
from rest_framework.response import Response

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which itself loads this module from the settings

PAGE_SIZE = 50
MAX_PAGE_SIZE = 200


class NumberedPagination(pagination.PageNumberPagination):
    """Pages by number, for lists that people leaf through."""

    page_size = PAGE_SIZE
    page_size_query_param = "page_size"
    max_page_size = MAX_PAGE_SIZE


class CursorPagination(pagination.CursorPagination):
    """Pages by place, for lists that grow while they are read: nothing is skipped or given twice."""

    page_size = PAGE_SIZE
    page_size_query_param = "page_size"
    max_page_size = MAX_PAGE_SIZE
    ordering = "-pk"
    count: int

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any] | None:
        self.count = queryset.count()
        return super().paginate_queryset(queryset, request, view)

    def get_paginated_response(self, data: Any) -> Response:
        return Response(
            {
                "count": self.count,
                "next": self.get_next_link(),
                "previous": self.get_previous_link(),
                "results": data,
            }
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        shape = super().get_paginated_response_schema(schema)
        shape["required"] = ["count", "results"]
        shape["properties"] = {"count": {"type": "integer", "example": 123}, **shape["properties"]}
        return shape

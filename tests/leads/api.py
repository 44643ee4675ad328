"""A caller of the API."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from leads.authentication import issue_tokens
from leads.models import Membership


class Caller:
    """A program that calls the API with one credential, or none."""

    def __init__(self, authorization: str = "") -> None:
        self._client = Client()
        self._headers = {"Authorization": authorization} if authorization else {}

    def get(self, path: str, **query: Any) -> Any:
        return self._client.get(f"/api/v1/{path}", query, headers=self._headers)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        text = body if isinstance(body, (str, bytes)) else json.dumps(body)
        return self._client.generic(
            method,
            f"/api/v1/{path}",
            text if body is not None else "",
            content_type="application/json",
            headers={**self._headers, **headers},
        )

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("POST", path, body, **headers)

    def patch(self, path: str, body: Any) -> Any:
        return self.send("PATCH", path, body)

    def delete(self, path: str) -> Any:
        return self.send("DELETE", path)


def caller(membership: Membership) -> Caller:
    """Return a caller with a fresh access token of a membership."""
    return Caller(f"Bearer {issue_tokens(membership).access_token}")

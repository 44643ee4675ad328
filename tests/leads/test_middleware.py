from __future__ import annotations

import re

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client
from django.urls import path

from leads.ops.logs import current_correlation_id


def _echo(request: HttpRequest) -> HttpResponse:
    return HttpResponse(current_correlation_id())


urlpatterns = [path("echo/", _echo)]
pytestmark = pytest.mark.urls(__name__)


def test_every_answer_names_the_id_its_work_was_done_under(client: Client) -> None:
    response = client.get("/echo/")

    assert re.fullmatch(r"[0-9a-f-]{36}", response["X-Correlation-ID"])
    assert response.content.decode() == response["X-Correlation-ID"]


def test_a_callers_own_id_is_carried(client: Client) -> None:
    response = client.get("/echo/", headers={"X-Correlation-ID": "order-4711"})

    assert response["X-Correlation-ID"] == "order-4711"


@pytest.mark.parametrize("given", ["", "a b", "x" * 37, "<script>", "name@example.com"])
def test_an_unfit_id_is_replaced(given: str, client: Client) -> None:
    response = client.get("/echo/", headers={"X-Correlation-ID": given})

    assert re.fullmatch(r"[0-9a-f-]{36}", response["X-Correlation-ID"])


async def test_the_id_is_carried_under_asgi(async_client: AsyncClient) -> None:
    response = await async_client.get("/echo/", headers={"X-Correlation-ID": "order-4711"})

    assert (response.content.decode(), response["X-Correlation-ID"]) == ("order-4711", "order-4711")


def test_a_request_without_a_session_costs_no_query(client: Client) -> None:
    assert client.get("/echo/").status_code == 200  # pytest-django refuses a query here

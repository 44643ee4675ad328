from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from prometheus_client import REGISTRY, Histogram
from pytest_django import Settings

from leads.ops import metrics


def test_figures_are_given_to_this_machine(client: Client, db: None) -> None:
    metrics.EVENTS.labels(kind="message.received").inc()

    answer = client.get("/metrics")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert 'hearthline_events_total{kind="message.received"}' in answer.content.decode()


@pytest.mark.parametrize("header", ["HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA"])
def test_a_proxied_caller_is_not_this_machine(client: Client, db: None, header: str) -> None:
    assert client.get("/metrics", **{header: "127.0.0.1"}).status_code == 403  # type: ignore[arg-type]


@pytest.mark.parametrize("address", ["203.0.113.9", "2001:db8::1", ""])
def test_another_machine_is_refused(client: Client, db: None, address: str) -> None:
    answer = client.get("/metrics", REMOTE_ADDR=address)

    assert answer.status_code == 403
    assert b"hearthline_events_total" not in answer.content


def test_the_token_opens_the_figures_and_a_wrong_one_does_not(
    client: Client, db: None, settings: Settings
) -> None:
    settings.METRICS_TOKEN = "t" * 24
    far: dict[str, Any] = {"REMOTE_ADDR": "203.0.113.9"}

    assert client.get("/metrics", headers={"Authorization": "Bearer " + "t" * 24}, **far).status_code == 200
    assert client.get("/metrics", headers={"Authorization": "Bearer " + "u" * 24}, **far).status_code == 403
    assert client.get("/metrics", headers={"Authorization": "Basic " + "t" * 24}, **far).status_code == 403


def test_an_empty_token_opens_nothing(client: Client, db: None) -> None:
    answer = client.get("/metrics", headers={"Authorization": "Bearer "}, REMOTE_ADDR="203.0.113.9")

    assert answer.status_code == 403


def test_a_block_is_timed_even_when_it_fails() -> None:
    before = metrics.total("hearthline_ghl_seconds_count")

    with pytest.raises(ZeroDivisionError), metrics.timed(metrics.GHL_SECONDS):
        raise ZeroDivisionError

    assert metrics.total("hearthline_ghl_seconds_count") == before + 1


def test_totals_add_only_the_labels_asked_for() -> None:
    before = metrics.total("hearthline_alerts_total", kind="hot_lead")
    metrics.ALERTS.labels(kind="hot_lead").inc(2)
    metrics.ALERTS.labels(kind="tier_jump").inc()

    assert metrics.total("hearthline_alerts_total", kind="hot_lead") == before + 2


def test_quantiles_are_read_off_the_buckets() -> None:
    histogram = Histogram("hearthline_test_seconds", "For this test", buckets=(0.1, 0.2, 0.4))
    for value in (0.05, 0.15, 0.15, 0.3):
        histogram.observe(value)

    assert metrics.quantiles("hearthline_test_seconds", (0.5, 0.75, 1.0)) == pytest.approx(
        {0.5: 0.15, 0.75: 0.2, 1.0: 0.4}
    )
    histogram.observe(9)
    assert metrics.quantiles("hearthline_test_seconds", (1.0,)) == {1.0: 0.4}
    REGISTRY.unregister(histogram)


def test_an_empty_histogram_has_no_quantiles() -> None:
    assert metrics.quantiles("hearthline_not_there") is None

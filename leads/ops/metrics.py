"""Counters, gauges and timers of every process; labels are closed lists and never name a person."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

CONTENT_TYPE = CONTENT_TYPE_LATEST
FAST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
ROAD_SECONDS = (0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0)

DELIVERIES = Counter(
    "hearthline_deliveries_total", "Webhook deliveries by what became of them", ["state", "type"]
)
REFUSALS = Counter("hearthline_webhook_refusals_total", "Webhooks answered with an error", ["reason"])
EVENTS = Counter("hearthline_events_total", "Events recorded", ["kind"])
CONSUMED = Counter("hearthline_events_consumed_total", "Events a group has done its work for", ["group"])
DEAD_LETTERS = Counter("hearthline_dead_letters_total", "Work a group gave up on", ["group"])
SCORED = Counter("hearthline_leads_scored_total", "Leads scored", ["mode"])
SCORING_SECONDS = Histogram(
    "hearthline_scoring_seconds", "Time to score a batch, per lead", buckets=FAST_SECONDS
)
PAST_STATES = Counter(
    "hearthline_past_states_total", "Past states of leads by where they were found", ["source"]
)
INGESTED_SECONDS = Histogram(
    "hearthline_accepted_to_ingested_seconds",
    "From a webhook's acceptance to the end of its ingestion",
    buckets=ROAD_SECONDS,
)
STORED_SECONDS = Histogram(
    "hearthline_event_to_score_seconds",
    "From when a live event happened to the end of its scoring",
    buckets=ROAD_SECONDS,
)
PUSHED_SECONDS = Histogram(
    "hearthline_accepted_to_pushed_seconds",
    "From a fact's recording to its message's way to sockets",
    buckets=ROAD_SECONDS,
)
BUS_LAG = Gauge(
    "hearthline_bus_lag_entries",
    "Stream entries a group has not taken yet",
    ["group"],
    multiprocess_mode="mostrecent",
)
SOCKETS = Gauge("hearthline_sockets", "Open live connections", ["transport"], multiprocess_mode="livesum")
LIVE_MESSAGES = Counter("hearthline_live_messages_total", "Live messages written", ["type"])
LIVE_SENT = Counter("hearthline_live_frames_total", "Frames handed to live connections", ["transport"])
ALERTS = Counter("hearthline_alerts_total", "Alerts raised", ["kind"])
ALERT_DELIVERIES = Counter(
    "hearthline_alert_deliveries_total", "Alerts sent to people", ["channel", "outcome"]
)
GHL_CALLS = Counter("hearthline_ghl_calls_total", "Calls to the GoHighLevel API", ["outcome"])
GHL_SECONDS = Histogram(
    "hearthline_ghl_seconds", "Duration of calls to the GoHighLevel API", buckets=ROAD_SECONDS
)


@contextmanager
def timed(histogram: Histogram) -> Iterator[None]:
    """Measure a block."""
    began = perf_counter()
    try:
        yield
    finally:
        histogram.observe(perf_counter() - began)


def exposition() -> bytes:
    """Return every process's figures in Prometheus' text format."""
    return generate_latest(_registry())


def total(metric: str, **labels: str) -> float:
    """Return the sum over every process of a counter's or gauge's samples that carry these labels."""
    return sum(
        sample.value
        for family in _registry().collect()
        for sample in family.samples
        if sample.name == metric and labels.items() <= sample.labels.items()
    )


def quantiles(histogram: str, shares: tuple[float, ...] = (0.5, 0.95, 0.99)) -> dict[float, float] | None:
    """Return quantiles of a histogram over every process since it began; None when it is empty."""
    counts: dict[float, float] = {}
    for family in _registry().collect():
        for sample in family.samples:
            if sample.name == f"{histogram}_bucket":
                edge = float(sample.labels["le"])
                counts[edge] = counts.get(edge, 0.0) + sample.value
    edges = sorted(counts)
    if not edges or not counts[edges[-1]]:
        return None
    return {share: _quantile(share, edges, counts) for share in shares}


def _quantile(share: float, edges: list[float], counts: dict[float, float]) -> float:
    """Interpolate inside the bucket that holds the quantile, as Prometheus does."""
    wanted = share * counts[edges[-1]]
    below, lower = 0.0, 0.0
    for edge in edges:
        if counts[edge] >= wanted:
            if edge == float("inf"):
                return lower
            inside = counts[edge] - below
            return lower + (edge - lower) * ((wanted - below) / inside if inside else 1.0)
        below, lower = counts[edge], edge
    return lower


def _registry() -> CollectorRegistry:
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return REGISTRY
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


def forget_process(pid: int) -> None:
    """Drop the gauges of a process that ended."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]

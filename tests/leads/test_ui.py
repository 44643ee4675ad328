"""Tags and filters of the pages, and the icons the templates name."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import lucide
import pytest
from django.template import engines
from django.test import RequestFactory

from leads.models.alerts import AlertKind
from leads.templatetags import ui

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
ICONS = sorted(
    {
        name
        for path in TEMPLATES.rglob("*.html")
        for name in re.findall(r'{% icon "([^"]+)"', path.read_text("utf-8"))
    }
)


def render(text: str, **context: object) -> str:
    return engines["django"].from_string(text).render(context)


@pytest.mark.parametrize("name", ICONS)
def test_every_icon_named_in_a_template_exists(name: str) -> None:
    assert ui.icon(name).startswith("<svg")


def test_icon_from_a_row_falls_back_and_one_from_a_template_does_not() -> None:
    assert ui.icon("no-such-icon", 13, "", "dot") == ui.icon("dot", 13)
    with pytest.raises(lucide.IconDoesNotExist):
        ui.icon("no-such-icon")


@pytest.mark.parametrize("kind", list(AlertKind))
def test_every_kind_of_alert_has_a_look(kind: AlertKind) -> None:
    look = ui.alert_look(kind)

    assert ui.icon(look.icon)
    assert look.tone in {"hot", "good", "warn", "bad", "info"}


def test_ring_draws_the_score_as_a_dash_of_a_hundred() -> None:
    assert 'stroke-dasharray="91 100"' in ui.ring(90.6)
    assert 'stroke-dasharray="0 100"' in ui.ring(None)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "just now"),
        (59, "just now"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (90000, "1 d"),
        (-5, "just now"),
    ],
)
def test_ago_tells_one_unit(seconds: int, text: str) -> None:
    assert ui.ago(NOW - timedelta(seconds=seconds), NOW) == text


def test_time_ago_keeps_the_moment_for_the_script() -> None:
    assert ui.time_ago(NOW - timedelta(minutes=5), NOW) == (
        '<time datetime="2026-11-23T11:55:00+00:00" title="23 Nov 2026, 11:55 UTC" data-ago>5 min</time>'
    )
    assert ui.time_ago(None) == ""


@pytest.mark.parametrize(
    ("minutes", "said"), [(5, ' data-ago="ago">5 min ago</time>'), (0, ' data-ago="ago">just now</time>')]
)
def test_time_ago_ends_as_its_sentence_does(minutes: int, said: str) -> None:
    assert ui.time_ago(NOW - timedelta(minutes=minutes), NOW, tail="ago").endswith(said)
    assert ui.ago(None) == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (0, "0s"), (41, "41s"), (221, "3m 41s"), (3600, "1h"), (93784, "1d 2h")],
)
def test_duration_shows_its_two_largest_units(seconds: float | None, text: str) -> None:
    assert ui.duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (3, "+3"),
        (0, "0"),
        (-4, "−4"),
        (2.25, "+2.2"),
        (-0.5, "−0.5"),
        (-0.04, "0.0"),
        (0.04, "0.0"),
    ],
)
def test_signed_writes_a_true_minus(value: float | None, text: str) -> None:
    assert ui.signed(value) == text


@pytest.mark.parametrize(
    ("value", "css_class"),
    [(0.06, "delta-up"), (-0.06, "delta-down"), (-0.04, "text-ink-3"), (0, "text-ink-3")],
)
def test_a_number_written_as_zero_has_no_colour(value: float, css_class: str) -> None:
    assert ui.delta_class(value) == css_class


def test_signed_duration_is_silent_about_no_change() -> None:
    assert ui.signed_duration(None) == ""
    assert ui.signed_duration(0.2) == ""
    assert ui.signed_duration(-52) == "−52s"
    assert ui.signed_duration(46) == "+46s"


def test_delta_says_the_direction_in_words_too() -> None:
    assert "▲ 4" in ui.delta(4)
    assert "points up since the score before" in ui.delta(4)
    assert "▼ 3" in ui.delta(-3)
    assert ui.delta(0) == ui.delta(None) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "Yes"),
        (False, "No"),
        (580000.0, "$580,000"),
        (2.5, "2.5"),
        (3, "3"),
        (["yard", "pool"], "yard, pool"),
        ({"least": 3, "most": 5}, "least 3, most 5"),
        ("soon", "soon"),
    ],
)
def test_answers_read_as_words(value: object, text: str) -> None:
    assert ui.answer(value) == text


def test_small_filters() -> None:
    assert ui.initials("Maya de la Cruz") == "MD"
    assert ui.hue(7) == 2
    assert ui.hue("ab") == ui.hue("ab")
    assert (ui.whole(90.6), ui.whole(None)) == ("91", "–")
    assert (ui.money(1234.5), ui.money(None)) == ("$1,234", "")
    assert (ui.percent(0.524), ui.percent(None)) == ("52%", "–")
    assert (ui.tier_label("hot"), ui.tier_label("")) == ("Hot", "Not scored")
    assert ui.spaced("price_max") == "Price max"
    assert ui.magnitude(-4) == 4
    assert ui.get({"a": 1}, "a") == 1


def test_query_changes_one_value_and_keeps_the_rest() -> None:
    request = RequestFactory().get("/", {"q": "may", "page": "3"})

    assert render("{% query page=4 %}", request=request) == "?q=may&amp;page=4"
    assert render("{% query page=None %}", request=request) == "?q=may"
    assert render("{% query q='' page=None %}", request=request) == "?"
    assert render("{% query page=2 %}") == "?page=2"

"""Charts: every figure of a drawing, checked by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads import charts
from leads.charts import Series


def test_sparkline_spans_its_box_and_knows_its_ends() -> None:
    drawn = charts.spark([10, 20, 15])

    assert drawn is not None
    assert drawn.line == "M3.0 25.0L48.0 3.0L93.0 14.0"
    assert drawn.area == "M3.0 25.0L48.0 3.0L93.0 14.0L93.0 28L3.0 28Z"
    assert (drawn.end_x, drawn.end_y) == ("93.0", "14.0")
    assert (drawn.first, drawn.last, drawn.is_rising) == (10, 15, True)


def test_sparkline_needs_two_values() -> None:
    assert charts.spark([]) is None
    assert charts.spark([50]) is None


def test_flat_sparkline_lies_at_the_bottom_without_dividing_by_zero() -> None:
    drawn = charts.spark([5, 5])

    assert drawn is not None
    assert drawn.line == "M3.0 25.0L93.0 25.0"


def test_sparkline_keeps_a_given_scale() -> None:
    drawn = charts.spark([0, 50], low=0, high=100)

    assert drawn is not None
    assert drawn.end_y == "14.0"


def test_signed_bars_share_one_zero_and_the_largest_reaches_the_edge() -> None:
    bars = charts.signed_bars([10.0, -5.0, 0.0])

    assert [(bar.x, bar.width, bar.is_positive) for bar in bars] == [
        ("50.00%", "50.00%", True),
        ("25.00%", "25.00%", False),
        ("50.00%", "0.00%", True),
    ]
    assert charts.signed_bars([]) == []


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 19.1, [0, 5, 10, 15, 20]),
        (0, 50, [0, 20, 40, 60]),
        (0, 1, [0, 0.25, 0.5, 0.75, 1]),
        (0, 0, [0, 0.25]),
    ],
)
def test_ticks_are_round_and_cover_the_range(low: float, high: float, expected: list[float]) -> None:
    assert charts.nice_ticks(low, high) == expected


@given(high=st.floats(min_value=0.001, max_value=1e9))
def test_ticks_always_reach_the_highest_value(high: float) -> None:
    ticks = charts.nice_ticks(0, high)

    assert ticks[0] == 0
    assert ticks[-1] >= high * (1 - 1e-9)
    assert len(ticks) <= 6


def test_line_chart_tells_the_same_in_lines_words_and_table() -> None:
    chart = charts.line_chart(
        id="trend",
        title="Conversion",
        labels=["W1", "W2", "W3"],
        series=[
            Series("Now", [10, 20, 15], is_filled=True),
            Series("Before", [5, 5, 5], colour=6, is_dashed=True),
        ],
        height=116,
        number="{:.0f}%".format,
    )

    assert chart.summary == "Conversion: Now from 10% (W1) to 15% (W3)."
    assert [tick.label for tick in chart.y_ticks] == ["0%", "5%", "10%", "15%", "20%"]
    assert [tick.anchor for tick in chart.x_ticks] == ["start", "middle", "end"]
    assert (
        chart.paths[0].line == "M0.00 60.0C25.00 60.0 25.00 10.0 50.00 10.0C75.00 10.0 75.00 35.0 100.00 35.0"
    )
    assert chart.paths[0].area.endswith("L100 110.0L0 110.0Z")
    assert (chart.paths[1].area, chart.paths[1].is_dashed, chart.paths[1].css_class) == ("", True, "series-6")
    assert [(row.label, list(row.cells)) for row in chart.rows] == [
        ("W1", ["10%", "5%"]),
        ("W2", ["20%", "5%"]),
        ("W3", ["15%", "5%"]),
    ]
    assert chart.data["points"] == [0.0, 50.0, 100.0]


def test_a_slope_that_says_something_is_drawn_straight() -> None:
    chart = charts.line_chart(
        id="gain",
        title="Gain",
        labels=["0%", "50%", "100%"],
        series=[Series("Reached", [0, 50, 100])],
        label_name="Called",
        is_straight=True,
        number="{:.1f}%".format,
        axis="{:g}%".format,
    )

    assert chart.paths[0].line == "M0.00 214.0L50.00 112.0L100.00 10.0"
    assert chart.label_name == "Called"
    assert [tick.label for tick in chart.y_ticks] == ["0%", "25%", "50%", "75%", "100%"]
    assert chart.rows[1].cells == ["50.0%"]


def test_bar_chart_stacks_its_series_and_links_each_column() -> None:
    chart = charts.bar_chart(
        id="bars",
        title="Leads",
        labels=["Mon", "Tue"],
        series=[Series("Web", [10, 20]), Series("Referral", [10, 0], colour=3)],
        height=116,
        links=["/mon/", "/tue/"],
    )

    first, second, third, fourth = chart.bars
    assert (first.x, first.width, first.y, first.height) == ("11.00%", "28.00%", "60.0", "48.5")
    assert (second.y, second.height, second.css_class) == ("10.0", "48.5", "series-3")
    assert (third.y, fourth.height) == ("10.0", "0.0")
    assert [bar.href for bar in chart.bars] == ["/mon/", "/mon/", "/tue/", "/tue/"]
    assert [tick.at for tick in chart.x_ticks] == ["25.00%", "75.00%"]


def test_long_axis_shows_every_few_labels() -> None:
    labels = [f"D{day}" for day in range(12)]

    chart = charts.line_chart(id="x", title="T", labels=labels, series=[Series("S", list(range(12)))])

    assert [tick.label for tick in chart.x_ticks] == ["D0", "D3", "D6", "D9"]


def test_labels_leave_one_another_room_on_a_phone() -> None:
    days = [f"{day} Nov" for day in range(14, 22)]
    chart = charts.line_chart(id="c", title="Score", labels=days, series=[Series("Score", range(8))])

    assert [tick.label for tick in chart.x_ticks] == ["14 Nov", "16 Nov", "18 Nov", "20 Nov"]

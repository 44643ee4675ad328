"""Charts drawn on the server as SVG: x in percent, y in pixels, so they fit any width without script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil, floor, log10

SPARK_WIDTH, SPARK_HEIGHT, SPARK_PADDING = 96, 28, 3
PLOT_TOP, PLOT_BOTTOM = 10, 6


@dataclass(frozen=True, slots=True)
class Spark:
    """A small line: where a figure came from."""

    line: str
    area: str
    end_x: str
    end_y: str
    first: float
    last: float
    width: int = SPARK_WIDTH
    height: int = SPARK_HEIGHT

    @property
    def is_rising(self) -> bool:
        return self.last >= self.first


def spark(values: Sequence[float], *, low: float | None = None, high: float | None = None) -> Spark | None:
    """Draw a sparkline, or nothing when there are not two values to join."""
    if len(values) < 2:
        return None
    bottom = min(values) if low is None else low
    top = max(values) if high is None else high
    span = (top - bottom) or 1.0
    inner_width = SPARK_WIDTH - 2 * SPARK_PADDING
    inner_height = SPARK_HEIGHT - 2 * SPARK_PADDING
    step = inner_width / (len(values) - 1)
    xs = [SPARK_PADDING + position * step for position in range(len(values))]
    ys = [SPARK_HEIGHT - SPARK_PADDING - (value - bottom) / span * inner_height for value in values]
    line = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in zip(xs, ys, strict=True))
    return Spark(
        line=line,
        area=f"{line}L{xs[-1]:.1f} {SPARK_HEIGHT}L{xs[0]:.1f} {SPARK_HEIGHT}Z",
        end_x=f"{xs[-1]:.1f}",
        end_y=f"{ys[-1]:.1f}",
        first=values[0],
        last=values[-1],
    )


@dataclass(frozen=True, slots=True)
class SignedBar:
    """One bar left or right of zero, in percent of the drawing's width."""

    x: str
    width: str
    is_positive: bool


def signed_bars(points: Sequence[float]) -> list[SignedBar]:
    """Place bars about a common zero in the middle, the largest reaching the edge."""
    reach = max((abs(value) for value in points), default=0.0) or 1.0
    bars = []
    for value in points:
        width = abs(value) / reach * 50
        start = 50.0 if value >= 0 else 50.0 - width
        bars.append(SignedBar(x=f"{start:.2f}%", width=f"{width:.2f}%", is_positive=value >= 0))
    return bars


@dataclass(frozen=True, slots=True)
class Series:
    """One line or one colour of bars; `colour` is 1 to 6, 6 being the comparison."""

    name: str
    values: Sequence[float]
    colour: int = 1
    is_filled: bool = False
    is_dashed: bool = False

    @property
    def css_class(self) -> str:
        return f"series-{self.colour}"


@dataclass(frozen=True, slots=True)
class Tick:
    at: str
    label: str
    text_at: str = ""
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Path:
    css_class: str
    line: str
    area: str
    is_dashed: bool
    end_y: str


@dataclass(frozen=True, slots=True)
class Bar:
    css_class: str
    x: str
    width: str
    y: str
    height: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    label: str
    cells: Sequence[str]


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything templates/components/chart.html needs; no arithmetic is left to it."""

    id: str
    summary: str
    height: int
    series: Sequence[Series]
    y_ticks: Sequence[Tick]
    x_ticks: Sequence[Tick]
    rows: Sequence[Row]
    data: dict[str, object]
    paths: Sequence[Path] = field(default_factory=tuple)
    bars: Sequence[Bar] = field(default_factory=tuple)
    label_name: str = "Period"
    """What the labels under the plot are, over their column in the table."""


def nice_ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Return round numbers that cover a range in at most `count` steps."""
    span = (high - low) or 1.0
    size = 10.0 ** floor(log10(span / count))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if span / (size * factor) <= count)
    first = floor(low / step)
    last = ceil(round(high / step, 9))
    return [round(step * index, 10) for index in range(first, max(last, first + 1) + 1)]


def line_chart(
    *,
    id: str,
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    height: int = 220,
    number: Callable[[float], str] = "{:,.0f}".format,
    axis: Callable[[float], str] | None = None,
    top: float | None = None,
    label_name: str = "Period",
    is_straight: bool = False,
) -> Chart:
    """Draw lines over ordered labels (two at least), curved, or straight where a slope says something."""
    least = min(0.0, min(min(one.values) for one in series))
    ticks = nice_ticks(least, top if top is not None else max(0.0, max(max(one.values) for one in series)))
    place = _scale(ticks[-1], height, ticks[0])
    xs = [position * 100 / (len(labels) - 1) for position in range(len(labels))]
    paths = []
    for one in series:
        points = [(x, place(value)) for x, value in zip(xs, one.values, strict=True)]
        line = _polyline(points) if is_straight else _curve(points)
        area = f"{line}L100 {place(0):.1f}L0 {place(0):.1f}Z" if one.is_filled else ""
        paths.append(Path(one.css_class, line, area, one.is_dashed, f"{points[-1][1]:.1f}"))
    return Chart(
        id=id,
        summary=_summary(title, series[0], labels, number),
        height=height,
        series=series,
        y_ticks=_y_ticks(ticks, place, axis or number),
        x_ticks=_line_x_ticks(labels, xs),
        rows=_rows(labels, series, number),
        data=_data(labels, xs, series, number, place),
        paths=paths,
        label_name=label_name,
    )


def bar_chart(
    *,
    id: str,
    title: str,
    labels: Sequence[str],
    series: Sequence[Series],
    height: int = 220,
    number: Callable[[float], str] = "{:,.0f}".format,
    axis: Callable[[float], str] | None = None,
    links: Sequence[str] = (),
) -> Chart:
    """Draw stacked bars; with `links`, each column opens what it counts."""
    totals = [sum(one.values[column] for one in series) for column in range(len(labels))]
    ticks = nice_ticks(0, max(totals))
    place = _scale(ticks[-1], height)
    band = 100 / len(labels)
    middles = [band * (column + 0.5) for column in range(len(labels))]
    bars = []
    for column in range(len(labels)):
        below = 0.0
        for one in series:
            above = below + one.values[column]
            bars.append(
                Bar(
                    css_class=one.css_class,
                    x=f"{band * (column + 0.22):.2f}%",
                    width=f"{band * 0.56:.2f}%",
                    y=f"{place(above):.1f}",
                    height=f"{max(0.0, place(below) - place(above) - 1.5):.1f}",
                    href=links[column] if links else "",
                )
            )
            below = above
    return Chart(
        id=id,
        summary=_summary(title, series[0], labels, number),
        height=height,
        series=series,
        y_ticks=_y_ticks(ticks, place, axis or number),
        x_ticks=[Tick(f"{x:.2f}%", label) for x, label in zip(middles, labels, strict=True)],
        rows=_rows(labels, series, number),
        data=_data(labels, middles, series, number, None),
        bars=bars,
    )


def _scale(top: float, height: int, bottom: float = 0.0) -> Callable[[float], float]:
    room = height - PLOT_TOP - PLOT_BOTTOM
    return lambda value: PLOT_TOP + (top - value) / (top - bottom) * room


def _polyline(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.2f} {y:.1f}" for x, y in points)


def _curve(points: Sequence[tuple[float, float]]) -> str:
    """Join points by a line that leaves and enters each of them level."""
    line = f"M{points[0][0]:.2f} {points[0][1]:.1f}"
    for (x0, y0), (x1, y1) in zip(points, points[1:], strict=False):
        middle = (x0 + x1) / 2
        line += f"C{middle:.2f} {y0:.1f} {middle:.2f} {y1:.1f} {x1:.2f} {y1:.1f}"
    return line


def _y_ticks(
    ticks: Sequence[float], place: Callable[[float], float], number: Callable[[float], str]
) -> list[Tick]:
    return [Tick(f"{place(tick):.1f}", number(tick), text_at=f"{place(tick) + 4:.1f}") for tick in ticks]


def _line_x_ticks(labels: Sequence[str], xs: Sequence[float]) -> list[Tick]:
    last = len(labels) - 1
    every = max(1, round(len(labels) / 4)) if len(labels) > 5 else 1
    anchors = {0: "start", last: "end"}
    return [
        Tick(f"{xs[index]:.2f}%", labels[index], anchor=anchors.get(index, "middle"))
        for index in range(0, len(labels), every)
    ]


def _rows(labels: Sequence[str], series: Sequence[Series], number: Callable[[float], str]) -> list[Row]:
    return [Row(label, [number(one.values[index]) for one in series]) for index, label in enumerate(labels)]


def _summary(title: str, first: Series, labels: Sequence[str], number: Callable[[float], str]) -> str:
    start, end = number(first.values[0]), number(first.values[-1])
    return f"{title}: {first.name} from {start} ({labels[0]}) to {end} ({labels[-1]})."


def _data(
    labels: Sequence[str],
    xs: Sequence[float],
    series: Sequence[Series],
    number: Callable[[float], str],
    place: Callable[[float], float] | None,
) -> dict[str, object]:
    """Return what <hl-chart> reads out: the same figures, in words and pixels."""
    return {
        "points": [round(x, 2) for x in xs],
        "labels": list(labels),
        "series": [
            {
                "name": one.name,
                "cls": one.css_class,
                "text": [number(value) for value in one.values],
                "y": [round(place(value), 1) for value in one.values] if place else None,
            }
            for one in series
        ],
    }

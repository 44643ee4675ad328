"""Tags and filters of the pages; built into every template."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from math import ceil
from typing import Any

import lucide
from django import template
from django.http import QueryDict
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from leads import figures
from leads.models.alerts import AlertKind
from leads.models.leads import Tier

register = template.Library()


@dataclass(frozen=True, slots=True)
class Look:
    icon: str
    tone: str


ALERT_LOOKS = {
    AlertKind.HOT_LEAD: Look("flame", "hot"),
    AlertKind.TIER_JUMP: Look("trending-up", "good"),
    AlertKind.SCORE_DROP: Look("trending-down", "warn"),
    AlertKind.BUYING_SIGNAL: Look("key-round", "info"),
    AlertKind.REPLY_WAITING: Look("message-circle", "warn"),
    AlertKind.HOT_SILENT: Look("moon", "bad"),
}
JUST_NOW = "just now"
RING_RADIUS = 15.9155  # its circumference is 100, so a score is a dash length


@lru_cache(maxsize=1024)
def _icon(name: str, size: int, css_class: str) -> SafeString:
    attributes = {"class": f"icon {css_class}".strip(), "aria-hidden": "true", "focusable": "false"}
    svg = lucide._render_icon(name, size, **attributes)
    return mark_safe(" ".join(svg.split()))


@register.simple_tag
def icon(name: str, size: int = 18, css_class: str = "", fallback: str = "") -> SafeString:
    """Draw an icon; `fallback` is for names that come from rows."""
    try:
        return _icon(name, size, css_class)
    except lucide.IconDoesNotExist:
        if not fallback:
            raise
        return _icon(fallback, size, css_class)


def draw_icons(names: Iterable[str]) -> None:
    """Draw icons ahead of their first use, which opens the whole set, in the sizes of rows and alerts."""
    for name in names:
        _icon(name, 13, "")
    for look in ALERT_LOOKS.values():
        _icon(look.icon, 18, "")


@lru_cache(maxsize=1024)
def _ring(score: int, size: int) -> SafeString:
    circle = f'cx="18" cy="18" r="{RING_RADIUS}"'
    return mark_safe(
        f'<svg class="score-ring" viewBox="0 0 36 36" width="{size}" height="{size}" aria-hidden="true">'
        f'<circle class="score-ring-track" {circle}/>'
        f'<circle class="score-ring-value" {circle} stroke-dasharray="{score} 100" '
        'transform="rotate(-90 18 18)"/></svg>'
    )


@register.simple_tag
def ring(score: float | None, size: int = 38) -> SafeString:
    """Draw a score ring in SVG attributes, which a strict style-src lets through."""
    return _ring(round(score or 0), size)


@register.filter
def key_attributes(keys: str) -> SafeString:
    """Name the keys that press an element: to the script, and one key also to a screen reader.

    `aria-keyshortcuts` knows no keys one after the other.
    """
    if not keys:
        return SafeString()
    if " " in keys:
        return format_html(' data-keys="{}"', keys)
    return format_html(' data-keys="{}" aria-keyshortcuts="{}"', keys, keys)


@register.simple_tag(takes_context=True)
def shortcut(context: template.Context, name: str) -> SafeString:
    """Name the keys the reader of the page chose for a shortcut."""
    return key_attributes((context.get("shortcut_keys") or {}).get(name, ""))


@register.filter
def initials(name: str) -> str:
    return "".join(part[0] for part in name.split()[:2]).upper()


@register.filter
def hue(key: int | str) -> int:
    """Choose one of six avatar colours, always the same for one key."""
    number = key if isinstance(key, int) else sum(map(ord, key))
    return number % 6 + 1


@register.filter
def whole(value: float | None) -> str:
    return "–" if value is None else str(round(value))


@register.filter
def signed(value: float | None) -> str:
    """Write a number with its sign, a true minus among them; none for what rounds to zero."""
    if value is None:
        return ""
    return figures.signed(value, 0 if isinstance(value, int) else 1)


@register.filter
def delta_class(value: float) -> str:
    """Return the colour of a number that `signed` writes; none for one it writes as zero."""
    shown = round(value, 1)
    return "delta-up" if shown > 0 else "delta-down" if shown < 0 else "text-ink-3"


@register.simple_tag
def delta(change: int | None) -> SafeString | str:
    """Write how far a score moved: sign, figure, and words for a screen reader."""
    return _delta(change) if change else ""


@lru_cache(maxsize=256)
def _delta(change: int) -> SafeString:
    direction, arrow = ("up", "▲") if change > 0 else ("down", "▼")
    return mark_safe(
        f'<span class="block text-2xs num delta-{direction}" title="Since the score before">'
        f'{arrow} {abs(change)}<span class="only-sr"> points {direction} since the score before</span></span>'
    )


@register.filter
def magnitude(value: float) -> float:
    return abs(value)


@register.filter
def tier_label(tier: str) -> str:
    return Tier(tier).label if tier else "Not scored"


@register.filter
def money(value: float | None) -> str:
    return "" if value is None else f"${value:,.0f}"


@register.filter
def signed_money(value: float) -> str:
    """Write an amount with its sign, a true minus among them."""
    return f"{'+' if value > 0 else '−' if value < 0 else ''}${abs(value):,.0f}"  # noqa: RUF001


@register.filter
def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """Say how long ago something was, in one unit; config/static/js/times.js says the same."""
    if moment is None:
        return ""
    seconds = ((now or timezone.now()) - moment).total_seconds()
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return JUST_NOW


@register.simple_tag
def time_ago(moment: datetime | str | None, now: datetime | None = None, tail: str = "") -> str:
    """Write a moment (or its ISO text) as "2 min", kept true by the page's script, in full on hover.

    A sentence gives its `tail`, "ago", which "just now" does without.
    """
    if moment is None:
        return ""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    utc = moment.astimezone(timezone.get_default_timezone())
    text = ago(moment, now)
    return format_html(
        '<time datetime="{}" title="{} UTC" data-ago{}>{}{}</time>',
        utc.isoformat(timespec="seconds"),
        f"{utc:%-d %b %Y, %H:%M}",
        format_html('="{}"', tail) if tail else "",
        text,
        f" {tail}" if tail and text != JUST_NOW else "",
    )


@register.filter
def days_until(moment: datetime | None, now: datetime | None = None) -> int | None:
    """Return the days until a moment, begun ones among them; nothing once it is over."""
    if moment is None:
        return None
    days = ceil((moment - (now or timezone.now())).total_seconds() / 86400)
    return days if days > 0 else None


@register.filter
def duration(seconds: float | None) -> str:
    """Write a length of time in its two largest units."""
    if seconds is None:
        return "–"
    left = round(seconds)
    parts = []
    for length, unit in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        count, left = divmod(left, length)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2]) or "0s"


@register.filter
def signed_duration(seconds: float | None) -> str:
    """Write a change of a length of time with its sign; nothing for no change."""
    if seconds is None or round(seconds) == 0:
        return ""
    return f"{'+' if seconds > 0 else '−'}{duration(abs(seconds))}"  # noqa: RUF001


@register.filter
def alert_look(kind: str) -> Look:
    """Return the icon and tone of a kind of alert."""
    return ALERT_LOOKS[AlertKind(kind)]


@register.filter
def percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"


@register.filter
def spaced(name: str) -> str:
    """Write a field's key as words."""
    return name.replace("_", " ").replace("-", " ").capitalize()


@register.filter
def answer(value: object) -> str:
    """Write a qualification answer as a person would."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, float):
        return f"${value:,.0f}" if abs(value) >= 1000 else f"{value:g}"
    if isinstance(value, list):
        return ", ".join(str(part) for part in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {part}" for key, part in value.items())
    return str(value)


@register.filter
def get(mapping: Mapping[Any, Any] | None, key: Any) -> Any:
    return mapping.get(key) if mapping else None


@register.simple_tag(takes_context=True)
def query(context: template.Context, **changes: Any) -> str:
    """Return this page's query string with some of its values changed; None drops one."""
    request = context.get("request")
    values: QueryDict = request.GET.copy() if request else QueryDict(mutable=True)
    for name, value in changes.items():
        if value is None or value == "":
            values.pop(name, None)
        else:
            values[name] = str(value)
    encoded = values.urlencode()
    return f"?{encoded}" if encoded else "?"

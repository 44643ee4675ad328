"""Numbers as sentences, tables and charts write them."""

from __future__ import annotations


def signed(value: float, places: int = 1) -> str:
    """Return a number with its sign, a true minus among them; what rounds to zero has none."""
    shown = round(value, places)
    sign = "+" if shown > 0 else "−" if shown < 0 else ""  # noqa: RUF001
    return f"{sign}{abs(shown):.{places}f}"

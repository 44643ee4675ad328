"""The tabs of scoring's pages."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse


@dataclass(frozen=True, slots=True)
class Tab:
    """One page of scoring's own, by the name of its address."""

    route: str
    label: str

    @property
    def url(self) -> str:
        return reverse(self.route)


TABS = (
    Tab("scoring:overview", "Proof"),
    Tab("scoring:version-list", "Models"),
    Tab("scoring:weights", "Weights"),
    Tab("scoring:market", "Market"),
    Tab("scoring:tiers", "Tiers"),
    Tab("scoring:experiment-list", "Experiments"),
)

"""Pages of scoring."""

from __future__ import annotations

from scoring.views.lead import lead_panel

__all__ = ["lead_panel"]

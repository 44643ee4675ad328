"""Where tiers begin and why, and what the team says it can do."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from leads.access import MemberRequest, agent_required, broker_required
from leads.models.leads import Segment
from scoring import services
from scoring.forms import CapacityForm
from scoring.thresholds import Cuts
from scoring.views.proof import frame

ROUTE = "scoring:tiers"


@dataclass(frozen=True, slots=True)
class SegmentCuts:
    """The cuts of all leads, or of one segment."""

    label: str
    cuts: Cuts

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return why; of a segment that takes the cuts of all only why it does."""
        return self.cuts.reasons[:1] if self.cuts.pooled else self.cuts.reasons


@agent_required
@require_GET
def tiers(request: MemberRequest) -> HttpResponse:
    """Show where tiers begin and the reasons."""
    return _render(
        request, CapacityForm(initial=CapacityForm.starting(services.capacity_row(request.tenant)))
    )


@broker_required
@require_POST
def set_capacity(request: MemberRequest) -> HttpResponse:
    """Keep how many leads the team can call; tiers are chosen by it."""
    form = CapacityForm(request.POST)
    if not form.is_valid():
        return _render(request, form, status=422)
    services.set_capacity(tenant=request.tenant, by=request.user, **form.capacity())
    messages.success(request, "Kept. Tiers are chosen anew, and the leads follow.")
    return redirect(ROUTE)


def _render(request: MemberRequest, form: CapacityForm, *, status: int = 200) -> HttpResponse:
    standing = services.standing_tiers(request.tenant)
    context = {
        **frame(request, ROUTE),
        "standing": standing,
        "rows": [
            SegmentCuts(str(Segment(name).label) if name else "All leads", Cuts.from_json(told))
            for name, told in sorted(standing.cuts.items())
            if not name or name in Segment.values
        ],
        "capacity": services.capacity_of(request.tenant),
        "form": form,
    }
    return render(request, "scoring/tiers.html", context, status=status)

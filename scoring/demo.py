"""The demo's model: learned from the simulated outcomes of last year, as any brokerage's would be."""

from __future__ import annotations

from collections.abc import Callable

from django.utils import timezone

from leads.errors import DomainError
from leads.models import ModelVersion, Tenant
from scoring import services
from scoring.services.learning import retrain

Say = Callable[[str], None]


def seed(*, say: Say, url: str = "") -> None:
    """Train each simulated tenant's first model, and let it serve if it may; the workers follow."""
    for tenant in Tenant.objects.filter(is_simulated=True, is_active=True).order_by("pk"):
        if ModelVersion.objects.filter(tenant=tenant, engine=services.ENGINE).exists():
            continue
        say(f"training on what became of the leads of {tenant.name}")
        try:
            version = retrain(tenant=tenant, now=timezone.now(), promote=True)
        except DomainError as error:
            say(f"{tenant.name}: {error.message}")
        else:
            say(f"{version.name}: {version.get_state_display().lower()}. {version.reason}")

"""People several tests are about."""

from __future__ import annotations

from typing import Any

from leads.models import Lead, Tenant, User
from tests.factories import IdentityFactory, LeadFactory


def make_maya(tenant: Tenant, agent: User, **facts: Any) -> Lead:
    """Make a lead of an agent's whose record is filled in, known by her e-mail address and her phone."""
    told = {
        "first_name": "Maya",
        "last_name": "Okafor",
        "email": "maya@example.net",
        "phone": "+14155550142",
        "city": "Oakland",
        "assigned_to": agent,
        "consent": {"SMS": {"state": "granted", "at": "2026-10-01T09:00:00+00:00", "source": "ghl"}},
    }
    lead: Lead = LeadFactory(tenant=tenant, **told | facts)
    for kind in ("email", "phone"):
        IdentityFactory(lead=lead, kind=kind, value=getattr(lead, kind), is_primary=True)
    return lead

"""The demo's model."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from leads.models import ModelVersion, Tenant
from scoring import demo
from tests.conftest import Freeze
from tests.past import make_past

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def test_simulated_tenants_learn_from_their_simulated_past_and_no_other(
    tenant: Tenant, other_tenant: Tenant, freeze: Freeze
) -> None:
    freeze(NOW)
    third = Tenant.objects.create(name="Third", location_id="third", is_simulated=True)
    Tenant.objects.filter(pk=tenant.pk).update(is_simulated=True)
    make_past(tenant, leads=320, now=NOW)
    make_past(other_tenant, leads=40, now=NOW)
    said: list[str] = []

    demo.seed(say=said.append)
    demo.seed(say=said.append)

    version = ModelVersion.objects.get()
    assert (version.tenant, version.state) == (tenant, "serving")
    assert said[:2] == [
        f"training on what became of the leads of {tenant.name}",
        f"{version.name}: serving. {version.reason}",
    ]
    assert said[2] == f"training on what became of the leads of {third.name}"
    assert said[3].startswith("Third: Too little to learn from: 0 leads that closed")
    assert len(said) == 6

"""Fill a benchmark's database: tenants, their teams and leads. Prints what was made as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import timedelta
from random import Random

import django

django.setup()

import numpy as np  # noqa: E402
from django.conf import settings  # noqa: E402  (Django must be set up first)
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: E402
from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from leads.authentication import issue_tokens  # noqa: E402
from leads.ghl.simulator.people import FIRST, LAST, make_id  # noqa: E402
from leads.ml import features  # noqa: E402
from leads.models import Identity, Lead, Membership, Role, Tenant, User  # noqa: E402
from leads.sessions import SessionStore  # noqa: E402

CHUNK = 5_000


def make_tenant(number: int, *, leads: int, team: int, seed: int) -> dict[str, object]:
    """Make one tenant with a team and leads that have contact ids."""
    tenant = Tenant.objects.create(
        location_id=make_id(seed, "bench", number), name=f"Bench Realty {number}", is_simulated=True
    )
    users = User.objects.bulk_create(
        [User(email=f"bench{number}-{k}@example.com", name=f"Agent {k}", password="!") for k in range(team)]
    )
    members = Membership.objects.bulk_create(
        [
            Membership(user=user, tenant=tenant, role=Role.BROKER if k == 0 else Role.AGENT)
            for k, user in enumerate(users)
        ]
    )
    contacts = make_leads(tenant, users, count=leads, seed=seed)
    return {
        "location_id": tenant.location_id,
        "contacts": contacts,
        "tokens": [str(issue_tokens(member).access_token) for member in members],
        "session": sign_in(members[0]),
    }


def make_leads(tenant: Tenant, users: list[User], *, count: int, seed: int) -> list[str]:
    """Make leads and return their contact ids."""
    random, now = Random(seed), timezone.now()
    contacts = [make_id(seed, tenant.location_id, k) for k in range(count)]
    for start in range(0, count, CHUNK):
        rows = Lead.objects.bulk_create(
            [
                Lead(
                    tenant=tenant,
                    contact_id=contact,
                    first_name=random.choice(FIRST),
                    last_name=random.choice(LAST),
                    email=f"lead{start + k}.{tenant.pk}@example.com",
                    phone=f"+1555{tenant.pk % 10}{start + k:06d}",
                    assigned_to=random.choice(users),
                    source=random.choice(("Zillow", "Website", "Referral")),
                    created_at=now - timedelta(days=random.uniform(1, 90)),
                )
                for k, contact in enumerate(contacts[start : start + CHUNK])
            ]
        )
        Identity.objects.bulk_create(
            [
                Identity(
                    tenant=tenant,
                    lead=row,
                    kind=Identity.Kind.CONTACT_ID,
                    value=row.contact_id,
                    is_primary=True,
                )
                for row in rows
            ]
        )
    return contacts


def sign_in(member: Membership) -> str:
    """Make a session of a member and return its key."""
    store = SessionStore()
    store[SESSION_KEY] = str(member.user_id)
    store[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    store[HASH_SESSION_KEY] = member.user.get_session_auth_hash()
    store["membership"] = member.pk
    store.create()
    return str(store.session_key)


def serve_by_model() -> None:
    """Let 300 trees of depth 4, grown on simulated leads, score every tenant's leads."""
    from leads.services import models as registry  # a model takes 150 MB, which other benchmarks do not need
    from leads.services.models import Learned
    from scoring.outcomes import Target
    from scoring.services import tiers
    from tests.bench.scoring import NOW, SEED, model_of, simulated_histories

    vectors = [features.vector(features.replay(facts), NOW) for facts in simulated_histories()]
    model = model_of(np.stack([vector.values for vector in vectors]))
    version = registry.store_version(
        engine="scores",
        name=model.version,
        tenant=None,
        learned=Learned(
            target="closing",
            kind="trees",
            feature_version=model.feature_version,
            features=tuple(name for name, _ in model.features),
            leads=len(vectors),
            rows=len(vectors),
            positives=0,
            data_from=NOW,
            data_until=NOW,
            seed=SEED,
            metrics=model.metrics,
            artifact=model.to_bytes(),
            has_signal=True,
            cuts=tiers.model_cuts(model.metrics, Target.CLOSING),
        ),
        reason="Simulated.",
        now=timezone.now(),
    )
    registry.promote(version=version)


def main() -> None:
    """Make what was asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tenants", type=int, default=1)
    parser.add_argument("--leads", type=int, default=100)
    parser.add_argument("--team", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--model", action="store_true")
    chosen = parser.parse_args()
    assert settings.DEMO, "benchmarks fill databases of their own only"
    made = [
        make_tenant(chosen.first + number, leads=chosen.leads, team=chosen.team, seed=chosen.seed)
        for number in range(chosen.tenants)
    ]
    if chosen.model:
        serve_by_model()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    json.dump(made, sys.stdout)


if __name__ == "__main__":
    main()

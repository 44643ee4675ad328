"""The demo brokerage: two tenants, their people, and months of history posted through the real door."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from leads.events import BEHAVIOR
from leads.ghl import signatures
from leads.ghl.simulator import Person, make_people, tell_story
from leads.ghl.simulator.people import make_id
from leads.ghl.simulator.sender import Letter, deliver
from leads.ghl.simulator.wire import APP_ID, Post, Wire, field_id, webhook_id
from leads.models import CustomField, Identity, Lead, Membership, Role, Tenant, User, WebhookDelivery
from leads.services.webhooks import rotate_workflow_secret

SEED = 20261123
PASSWORD = "hearth-and-line-demo"  # a demo on the loopback address only; settings refuse DEMO on https
PATIENCE = timedelta(minutes=10)
STRANGERS = 60

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Brokerage:
    """A simulated brokerage and its team: (name, e-mail, role)."""

    location_id: str
    name: str
    time_zone: str
    state: str
    leads: int
    past: int
    """Leads of last year, whose stories have ended: what a model learns from."""
    team: tuple[tuple[str, str, Role], ...]

    @property
    def agents(self) -> tuple[str, ...]:
        """Return the GHL user ids of those leads are assigned to."""
        return tuple(user_id(self, email) for _, email, role in self.team if role == Role.AGENT)


HARBOR = Brokerage(
    location_id="HarborPineDemo000001",
    name="Harbor & Pine Realty",
    time_zone="America/Los_Angeles",
    state="WA",
    leads=320,
    past=280,
    team=(
        ("Avery Lindqvist", "agent@demo.example.com", Role.AGENT),
        ("Mateo Sandoval", "mateo@demo.example.com", Role.AGENT),
        ("Grace Okafor", "grace@demo.example.com", Role.AGENT),
        ("Quinn Holloway", "broker@demo.example.com", Role.BROKER),
        ("Robin Ashford", "admin@demo.example.com", Role.ADMIN),
    ),
)
LONESTAR = Brokerage(
    location_id="LoneStarDemo00000002",
    name="Lone Star Homes",
    time_zone="America/Chicago",
    state="TX",
    leads=80,
    past=0,
    team=(
        ("Dana Whitaker", "dana@demo.example.com", Role.AGENT),
        ("Jesse Garza", "jesse@demo.example.com", Role.BROKER),
    ),
)
BROKERAGES = (HARBOR, LONESTAR)
PORTALS = (
    ("Bailey Thornton", "buyer@demo.example.com", Role.BUYER),
    ("Sasha Delgado", "seller@demo.example.com", Role.SELLER),
)
FIELDS = (
    ("budget", "Budget", CustomField.DataType.MONETORY),
    ("timeline", "Timeline", CustomField.DataType.TEXT),
    ("location", "Preferred area", CustomField.DataType.TEXT),
    ("financing", "Financing", CustomField.DataType.TEXT),
    ("property", "Property wanted", CustomField.DataType.TEXT),
)


def user_id(brokerage: Brokerage, email: str) -> str:
    """Return the id a team member has in simulated GHL."""
    return make_id(brokerage.location_id, "user", email)


def seed(*, say: Say, url: str = "", wait: Callable[[float], None] = time.sleep) -> None:
    """Make the demo brokerages and post what is missing of their history; a second run posts nothing."""
    url = url or settings.DOOR_URL
    key = signatures.make_simulator_key(settings.SIMULATOR_KEY_FILE)
    letters: list[tuple[int, Post, Letter]] = []
    for place, brokerage in enumerate(BROKERAGES):
        tenant = make_tenant(brokerage=brokerage)
        secret = workflow_secret(tenant)
        letters.extend(_letters(place, brokerage, tenant, secret))
    letters.sort(key=lambda row: row[1].at)
    known = _known([letter for _, _, letter in letters])
    missing = [(lane, letter) for lane, _, letter in letters if letter.name not in known]
    if any(not letter.secret for _, letter in missing):
        began = time.monotonic()

        def progress(count: int) -> None:
            say(f"posted {count:,} of {len(missing):,} webhooks")

        count = deliver(
            missing,
            url=url,
            key=key,
            app_id=settings.GHL_APP_ID or APP_ID,
            on_progress=_now_and_then(progress),
        )
        say(f"posted {count:,} signed webhooks in {time.monotonic() - began:.0f} s")
    await_scores(say=say, wait=wait)
    _open_portals()
    say("the demo is simulated: nobody in it exists")


def _now_and_then(progress: Callable[[int], None], seconds: float = 5.0) -> Callable[[int], None]:
    """Return a function that passes a figure on at most every few seconds."""
    told = [time.monotonic()]

    def tell(count: int) -> None:
        if time.monotonic() - told[0] >= seconds:
            told[0] = time.monotonic()
            progress(count)

    return tell


@transaction.atomic
def make_tenant(*, brokerage: Brokerage) -> Tenant:
    """Make a simulated tenant with its team and custom fields, unless it is there."""
    tenant, is_new = Tenant.objects.get_or_create(
        location_id=brokerage.location_id,
        defaults={
            "name": brokerage.name,
            "time_zone": brokerage.time_zone,
            "is_simulated": True,
            "installed_at": timezone.now(),
        },
    )
    if not is_new:
        return tenant
    for name, email, role in brokerage.team:
        user = _make_user(name, email, is_staff=role == Role.ADMIN)
        Membership.objects.create(user=user, tenant=tenant, role=role, ghl_user_id=user_id(brokerage, email))
    CustomField.objects.bulk_create(
        CustomField(
            tenant=tenant,
            ghl_id=field_id(tenant.location_id, key),
            key=key,
            name=name,
            data_type=data_type,
            answers=key,
        )
        for key, name, data_type in FIELDS
    )
    return tenant


def _make_user(name: str, email: str, *, is_staff: bool = False) -> User:
    user = User.objects.filter(email=email).first()
    return user or User.objects.create_user(email, PASSWORD, name=name, is_staff=is_staff)


def workflow_secret(tenant: Tenant) -> str:
    """Return the secret the tenant's simulated workflows post with, kept beside the simulator's key."""
    path: Path = settings.SIMULATOR_KEY_FILE.with_name(f"simulator_workflow_{tenant.pk}.secret")
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(rotate_workflow_secret(tenant=tenant))
    return path.read_text()


def people_of(brokerage: Brokerage, tenant: Tenant) -> list[Person]:
    """Return the people of a brokerage; they are the same whenever asked."""
    return make_people(
        seed=SEED,
        location_id=brokerage.location_id,
        count=brokerage.leads,
        now=tenant.created_at,
        state=brokerage.state,
        agents=brokerage.agents,
    )


def past_people_of(brokerage: Brokerage, tenant: Tenant) -> list[Person]:
    """Return the people of a brokerage's last year."""
    return make_people(
        seed=SEED,
        location_id=brokerage.location_id,
        count=brokerage.past,
        now=tenant.created_at,
        state=brokerage.state,
        agents=brokerage.agents,
        past=True,
    )


def people_for(tenant: Tenant) -> list[Person]:
    """Return who traffic in a tenant is about: the demo's people, or some of its own."""
    brokerage = next((each for each in BROKERAGES if each.location_id == tenant.location_id), None)
    if brokerage is not None:
        return people_of(brokerage, tenant)
    return make_people(
        seed=SEED,
        location_id=tenant.location_id,
        count=STRANGERS,
        now=tenant.created_at,
        state="WA",
        agents=("",),
    )


def introductions(tenant: Tenant, people: list[Person]) -> Iterator[tuple[int, Letter]]:
    """Yield the webhooks that make people known who are not."""
    ids = [person.contact_id for person in people]
    contacts = Identity.objects.filter(tenant=tenant, kind=Identity.Kind.CONTACT_ID, value__in=ids)
    known = set(contacts.values_list("value", flat=True))
    for number, person in enumerate(people):
        if person.contact_id not in known:
            body = Wire(tenant.location_id, person).contact("ContactCreate", tags=[], custom={})
            yield number, Letter(body, f"introduction/{tenant.location_id}/{person.contact_id}")


def _letters(
    place: int, brokerage: Brokerage, tenant: Tenant, secret: str
) -> Iterator[tuple[int, Post, Letter]]:
    """Yield each webhook of a brokerage with its lane: one person's webhooks keep their order."""
    people = [*people_of(brokerage, tenant), *past_people_of(brokerage, tenant)]
    for number, person in enumerate(people):
        story = tell_story(
            person, location_id=brokerage.location_id, brokerage=brokerage.name, now=tenant.created_at
        )
        for step, post in enumerate(story):
            name = f"{brokerage.location_id}/{tenant.created_at.isoformat()}/{number}/{step}"
            lane = number + place
            yield lane, post, Letter(post.body, name, secret if post.is_workflow else "")


def _known(letters: list[Letter]) -> set[str]:
    """Return the names of the signed webhooks the door has taken already."""
    ids = {webhook_id(letter.name): letter.name for letter in letters if not letter.secret}
    rows = WebhookDelivery.objects.filter(webhook_id__in=list(ids))
    return {ids[taken] for taken in rows.values_list("webhook_id", flat=True)}


def await_scores(*, say: Say, wait: Callable[[float], None]) -> None:
    """Wait until every delivery is ingested and every event of the demo is scored."""
    give_up = time.monotonic() + PATIENCE.total_seconds()
    tell = _now_and_then(lambda waiting: say(f"{waiting:,} deliveries and events still to be scored"))
    while (waiting := unscored()) > 0:
        if time.monotonic() > give_up:
            raise TimeoutError(f"{waiting:,} deliveries and events were not scored in time.")
        tell(waiting)
        wait(0.5)


def unscored() -> int:
    """Return how many deliveries and events of simulated tenants the workers still have before them."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT (
                SELECT count(*) FROM leads_webhookdelivery AS delivery
                JOIN leads_tenant AS tenant ON tenant.id = delivery.tenant_id AND tenant.is_simulated
                WHERE delivery.state = 'accepted'
            ) + (
                SELECT count(*) FROM leads_event AS event
                JOIN leads_tenant AS tenant ON tenant.id = event.tenant_id AND tenant.is_simulated
                WHERE event.kind = ANY(%s) AND NOT EXISTS (
                    SELECT 1 FROM leads_consumed AS done
                    WHERE done.event_id = event.id AND done."group" = 'scoring'
                )
            )
            """,
            [[str(kind) for kind in BEHAVIOR]],
        )
        return int(cursor.fetchone()[0])


@transaction.atomic
def _open_portals() -> None:
    """Give one buyer and one seller of the demo their logins."""
    tenant = Tenant.objects.get(location_id=HARBOR.location_id)
    people = sorted(people_of(HARBOR, tenant), key=lambda person: person.intent != "ready")
    contacts = Identity.objects.filter(
        tenant=tenant, kind=Identity.Kind.CONTACT_ID, lead__status=Lead.Status.ACTIVE
    )
    leads = dict(contacts.values_list("value", "lead"))
    for name, email, role in PORTALS:
        wanted = (
            leads[person.contact_id]
            for person in people
            if (person.segment == "seller") == (role == Role.SELLER) and person.contact_id in leads
        )
        Membership.objects.get_or_create(
            user=_make_user(name, email),
            tenant=tenant,
            role=role,
            defaults={"lead_id": next(wanted, None)},
        )


def logins() -> list[str]:
    """Return the lines that tell how to sign in to the demo."""
    shown = (("agent", HARBOR.team[0][1]), ("buyer", PORTALS[0][1]), ("seller", PORTALS[1][1]))
    lines = [f"{role:<7} {email:<26} password {PASSWORD}" for role, email in shown]
    more = ", ".join(email for _, email, role in HARBOR.team if role in (Role.BROKER, Role.ADMIN))
    return [*lines, f"the same password opens {more}; all of it is simulated data"]

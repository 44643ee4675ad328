from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Max
from websockets.exceptions import WebSocketException

from leads import demo
from leads.authentication import issue_tokens
from leads.events import BEHAVIOR
from leads.ghl import signatures
from leads.ghl.simulator import Traffic
from leads.ghl.simulator.live import LiveReader
from leads.ghl.simulator.sender import DoorError, Letter, Sender, Tally, deliver, drive, percentile
from leads.ghl.simulator.wire import APP_ID
from leads.models import Consumed, Event, Membership, Tenant
from leads.models.tenants import TEAM_ROLES

MAX_RATE = 2_000
DRAIN_SECONDS = 30
EASE_SECONDS = 600


class Command(BaseCommand):
    help = "Post correctly signed, realistic GoHighLevel webhooks at a steady rate and tell how it went."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rate", type=float, default=5.0, help="webhooks a second (default 5)")
        parser.add_argument("--seconds", type=float, default=30.0, help="for how long (default 30)")
        parser.add_argument("--tenant", default="", help="location id (default: the demo brokerage)")
        parser.add_argument("--url", default="", help="the door's address (default: the server running here)")
        parser.add_argument(
            "--background",
            action="store_true",
            help="accompany a demo: no figures, irregular, a tenth of the rate after ten minutes",
        )
        parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same traffic")

    def handle(self, *args: Any, **options: Any) -> None:
        rate, seconds = options["rate"], options["seconds"]
        if not 0 < rate <= MAX_RATE or not 0 < seconds <= 86_400:
            raise CommandError(f"--rate lies between 0 and {MAX_RATE}, --seconds between 0 and 86400.")
        tenant = self._tenant(options["tenant"])
        url = options["url"] or settings.DOOR_URL
        key = signatures.make_simulator_key(settings.SIMULATOR_KEY_FILE)
        app_id = settings.GHL_APP_ID or APP_ID
        self.stdout.write(f"{tenant.name}: simulated webhooks to {url}, {rate:g} a second for {seconds:g} s")
        try:
            people = demo.people_for(tenant)
            deliver(demo.introductions(tenant, people), url=url, key=key, app_id=app_id)
            traffic = Traffic(
                seed=options["seed"], location_id=tenant.location_id, people=people, brokerage=tenant.name
            )
            if options["background"]:
                _accompany(traffic, options["seed"], url=url, key=key, rate=rate, seconds=seconds)
                return
            live = self._listen(tenant)
            last = Event.objects.aggregate(last=Max("pk"))["last"] or 0
            accepted: dict[datetime, float] = {}
            tally = drive(
                _letters(traffic, options["seed"]),
                url=url,
                key=key,
                rate=rate,
                seconds=seconds,
                app_id=app_id,
                on_accepted=lambda letter, at: _note(accepted, letter, at),
            )
        except DoorError as error:
            raise CommandError(str(error)) from error
        scored, over = self._drain(tenant, last)
        self._tell(tally, scored=scored, over=over, accepted=accepted, live=live)
        if tally.accepted != sum(tally.answers.values()):
            raise CommandError(f"Not every webhook was accepted; answers: {dict(tally.answers)}.")

    def _tenant(self, location_id: str) -> Tenant:
        tenant = Tenant.objects.filter(location_id=location_id or demo.HARBOR.location_id).first()
        if tenant is None:
            raise CommandError(
                f"No tenant has the location id {location_id}: make it with create_tenant."
                if location_id
                else "There is no demo brokerage yet: run seed_demo, or give --tenant."
            )
        if not tenant.is_simulated:
            Tenant.objects.filter(pk=tenant.pk).update(is_simulated=True)
            self.stdout.write(f"{tenant.name} is marked as simulated from now on")
        return tenant

    def _listen(self, tenant: Tenant) -> LiveReader | None:
        """Open a socket as a member of the team, to see when scores are pushed."""
        team = Membership.objects.filter(tenant=tenant, role__in=TEAM_ROLES, is_active=True)
        member = team.select_related("user").order_by("pk").first()
        if member is None:
            self.stdout.write("nobody of the team can listen, so pushed messages are not timed")
            return None
        reader = LiveReader(settings.BASE_URL, str(issue_tokens(member).access_token))
        try:
            reader.open()
        except (OSError, WebSocketException) as error:
            self.stdout.write(
                f"live messages cannot be heard ({type(error).__name__}), so they are not timed"
            )
            return None
        return reader

    def _drain(self, tenant: Tenant, last: int) -> tuple[int, float]:
        """Wait until what was posted is scored; return how many events were, and when the last was."""
        give_up, known = time.monotonic() + DRAIN_SECONDS, (0, time.perf_counter())
        fresh = Event.objects.filter(tenant=tenant, pk__gt=last, kind__in=BEHAVIOR)
        while time.monotonic() < give_up:
            ids = list(fresh.values_list("pk", flat=True))
            scored = Consumed.objects.filter(group="scoring", event_id__in=ids).count()
            if scored != known[0]:
                known = scored, time.perf_counter()
            if scored == len(ids) and demo.unscored() == 0:
                break
            time.sleep(0.2)
        return known

    def _tell(
        self,
        tally: Tally,
        *,
        scored: int,
        over: float,
        accepted: dict[datetime, float],
        live: LiveReader | None,
    ) -> None:
        took = max(tally.ended - tally.began, 1e-9)
        self.stdout.write(f"accepted  {tally.accepted:,} of {sum(tally.answers.values()):,}")
        self.stdout.write(f"accepted/s  {tally.accepted / took:.1f}")
        self.stdout.write(f"scored/s  {scored / max(over - tally.began, took):.1f} ({scored:,} events)")
        self._percentiles("answer", tally.seconds)
        if live is not None:
            live.close()
            pushed = [came - accepted[at] for at, came in live.came.items() if at in accepted]
            self._percentiles("accepted → pushed", [max(each, 0.0) for each in pushed])
        if tally.late:
            self.stdout.write(
                f"{tally.late:,} webhooks were posted more than 0.1 s late: this machine is busy"
            )

    def _percentiles(self, what: str, seconds: list[float]) -> None:
        if not seconds:
            self.stdout.write(f"{what}  nothing was heard")
            return
        shares = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
        told = "  ".join(f"{name} {1000 * percentile(seconds, share):.0f} ms" for name, share in shares)
        self.stdout.write(f"{what}  {told}  (n = {len(seconds):,})")


def _accompany(
    traffic: Traffic, seed: int, *, url: str, key: Ed25519PrivateKey, rate: float, seconds: float
) -> None:
    """Post one webhook after another at irregular moments; a door that is away for a while is waited for."""
    sender = Sender(url, key, app_id=settings.GHL_APP_ID or APP_ID)
    began = time.monotonic()
    for letter in _letters(traffic, seed):
        passed = time.monotonic() - began
        if passed > seconds:
            return
        pace = rate if passed < EASE_SECONDS else rate / 10
        time.sleep(traffic.random.expovariate(pace))
        with suppress(DoorError):
            sender.insist(letter)


def _letters(traffic: Traffic, seed: int) -> Iterator[Letter]:
    """Return traffic that happens when it is posted."""
    began = datetime.now(UTC).isoformat()
    clock = (datetime.now(UTC) for _ in count())
    for number, (_, body) in enumerate(traffic.bodies(clock)):
        yield Letter(body, f"live/{seed}/{began}/{number}")


def _note(accepted: dict[datetime, float], letter: Letter, at: float) -> None:
    """Keep when a fact was accepted, by the moment it carries."""
    body = letter.body
    told = body.get("dateUpdated") or body.get("dateAdded") or body.get("appointment", {}).get("dateAdded")
    if told:
        accepted[datetime.fromisoformat(told)] = at

"""The Celery application: queues, limits, the schedule, and the bus in the realtime worker."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import beat_init, setup_logging, worker_ready
from kombu import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("hearthline")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add("leads.bus.step:StreamStep")  # by name: Django is not set up yet

app.conf.task_queues = [Queue("realtime"), Queue("default"), Queue("training")]
app.conf.task_routes = {
    name: {"queue": "training"} for name in ("*.retrain*", "*.carry_out_run", "*.score_in_shadow")
}

# Every task that runs by the clock: name, seconds (or a crontab in UTC)
SCHEDULE: dict[str, float | crontab] = {
    "leads.tasks.pipes.sweep": 10.0,
    "leads.tasks.pipes.sweep_deep": crontab(minute="41"),
    "leads.tasks.pipes.prune_live_messages": 60.0,
    "leads.tasks.alerts.deliver": 5.0,
    "leads.tasks.alerts.review": 30.0,
    "scoring.tasks.rescore_stale": 300.0,
    "scoring.tasks.tend_queries": 60.0,
    "scoring.tasks.choose_all_tiers": crontab(minute="7"),
    "scoring.tasks.read_experiments": crontab(minute="37"),
    "scoring.tasks.score_all_in_shadow": crontab(minute="53", hour="8"),
    "scoring.tasks.tend_overrides": crontab(minute="47", hour="8"),
    "scoring.tasks.begin_trainings": crontab(minute="17"),
    "scoring.tasks.retrain_all": crontab(minute="23", hour="9"),  # the small hours from Boston to Los Angeles
    "scoring.tasks.retrain_all_personal": crontab(minute="53", hour="9"),
    "matching.tasks.resume_place_imports": 60.0,
    "matching.tasks.fill_all_places": 300.0,
    "matching.tasks.take_all_snapshots": crontab(minute="13", hour="8"),
    "matching.tasks.check_all_remarks": 300.0,
    "matching.tasks.tell_searches": 300.0,
    "matching.tasks.read_feeds": 60.0,
    "leads.tasks.ghl.write_back_due": 60.0,
    "leads.tasks.ghl.send_edits_due": 15.0,
    "leads.tasks.ghl.resume_backfills": 60.0,
    "leads.tasks.imports.resume_imports": 60.0,
    "leads.tasks.pipes.maintain_partitions": crontab(minute="17", hour="*/6"),
}
app.conf.beat_schedule = {
    name: {
        "task": name,
        "schedule": when,
        **(
            {"options": {"expires": when}} if isinstance(when, float) else {}
        ),  # a missed turn is not made up for
    }
    for name, when in SCHEDULE.items()
}


@setup_logging.connect
def keep_logging(**kwargs: Any) -> None:
    """Leave logging as the settings have it: Celery would raise the level and silence what the bus tells."""


@worker_ready.connect
def warm_up(**kwargs: Any) -> None:
    """Load what the first event would otherwise wait for: the addresses, the row and its icons."""
    # all of these need Django, which is set up only now
    from django.template.loader import get_template
    from django.urls import reverse

    from leads.templatetags.ui import draw_icons
    from scoring.reasons import ICONS

    reverse("leads:dashboard")
    get_template("leads/_lead_row.html")
    draw_icons(ICONS)


@worker_ready.connect
def say_worker_lives(sender: Any = None, **kwargs: Any) -> None:
    """Let /health/realtime know of this worker."""
    # Django is set up only now
    from leads.bus.step import QUEUE
    from leads.ops import alive

    queues = sender.app.amqp.queues.consume_from
    alive.start("realtime" if QUEUE in queues else "work")


@beat_init.connect
def say_beat_lives(**kwargs: Any) -> None:
    """Let /health/realtime know of beat."""
    from leads.ops import alive  # Django is set up only now

    alive.start("beat")

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from leads.events import CONCLUSIONS, Kind
from leads.ml import features
from leads.ml.catalogue import VERSION
from leads.models import Alert, AlertSettings, Consumed, Event, FeatureState, Lead, LiveMessage, Tenant
from leads.models.alerts import AlertKind
from leads.selectors.histories import histories_of
from leads.services.merging import merge_leads, undo_merge
from scoring import services, tasks
from scoring.models import LeadScore
from scoring.services import decay
from tests.conftest import Freeze
from tests.factories import EventFactory, LeadFactory, TenantFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)
HOT = [
    "Looking around 580k near downtown, 3 bedrooms",
    "We need to move by April 15, new job",
    "We are pre-approved. Can we see it Saturday?",
]


@pytest.fixture(autouse=True)
def _clock(freeze: Freeze) -> None:
    freeze(NOW)


def say(lead: Lead, text: str = "Hello", *, at: datetime = NOW, **fields: Any) -> Event:
    return event(lead, Kind.MESSAGE_RECEIVED, at=at, data={"text": text}, **fields)


def event(lead: Lead, kind: Kind, *, at: datetime = NOW, **fields: Any) -> Event:
    made: Event = EventFactory(lead=lead, kind=kind, occurred_at=at, **fields)
    return made


def score(*events: Event) -> list[LeadScore]:
    return services.score_leads(event_ids=[one.pk for one in events])


def replayed(lead: Lead) -> features.State:
    return features.replay(histories_of([lead])[lead.pk])


def test_an_event_gets_one_score_that_adds_up(lead: Lead) -> None:
    told = say(lead, "Can we see the house tomorrow?")

    rows = score(told)

    row = LeadScore.objects.get()
    assert rows == [row]
    assert (row.lead_id, row.tenant_id, row.event_id) == (lead.pk, lead.tenant_id, told.pk)
    assert abs(row.base + sum(points for _, _, points in row.contributions) - row.score) < 1e-6
    assert abs(row.base + sum(points for _, points, _ in row.pillars) - row.score) < 1e-6
    assert (row.mode, row.model_version, row.weight_set, row.feature_version) == (
        "rules",
        "",
        "standard",
        VERSION,
    )
    assert (row.low, row.high) == (None, None)
    assert len(row.inputs_hash) == 16
    assert row.event_at == row.scored_at == NOW


def test_a_score_becomes_the_leads_standing(lead: Lead) -> None:
    score(say(lead, "Can we see the house tomorrow?"))

    row = LeadScore.objects.get()
    lead.refresh_from_db()
    assert lead.score == row.score
    assert lead.tier == row.tier == "warm"
    assert lead.previous_score is None
    assert lead.tier_changed_at == lead.scored_at == NOW
    assert lead.next_action == "Book the showing"
    assert lead.reasons[0]["text"] == "Asked for a showing"
    assert lead.reasons[0]["at"] == NOW.isoformat()


def test_a_redelivered_event_scores_once(lead: Lead) -> None:
    told = say(lead)

    first = score(told, told)
    second = score(told)

    assert len(first) == 1
    assert second == []
    assert LeadScore.objects.count() == 1
    assert Consumed.objects.filter(group="scoring", event_id=told.pk).count() == 1


def test_a_failed_batch_gives_its_events_back(lead: Lead) -> None:
    told = say(lead)

    def fail_after_scoring() -> None:
        with transaction.atomic():
            score(told)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_scoring()

    assert not LeadScore.objects.exists()
    assert not FeatureState.objects.exists()
    assert len(score(told)) == 1


def test_what_is_remembered_equals_the_replayed_log(lead: Lead) -> None:
    for i, text in enumerate(HOT):
        score(say(lead, text, at=NOW - timedelta(hours=3 - i)))
    score(event(lead, Kind.MESSAGE_SENT), event(lead, Kind.APPOINTMENT_BOOKED, data={"appointment_id": "a"}))

    kept = FeatureState.objects.get()
    assert kept.state == replayed(lead)
    assert kept.version == VERSION
    assert kept.last_event_id == Event.objects.exclude(kind__in=CONCLUSIONS).latest("pk").pk
    assert kept.last_occurred_at == NOW


def test_a_state_of_another_version_is_made_anew_from_the_log_and_old_signals_are_no_news(lead: Lead) -> None:
    score(say(lead, "Can we see the house tomorrow?", at=NOW - timedelta(hours=2)))
    FeatureState.objects.update(version="2026.1", state={"of": "another form"})
    Alert.objects.all().delete()

    score(say(lead, "Thanks", at=NOW - timedelta(minutes=1)))

    kept = FeatureState.objects.get()
    assert (kept.version, kept.state) == (VERSION, replayed(lead))
    assert not Alert.objects.filter(kind=AlertKind.BUYING_SIGNAL).exists()


def test_time_passing_replays_a_state_of_another_version(lead: Lead) -> None:
    score(say(lead, "Can we see the house tomorrow?", at=NOW - timedelta(hours=2)))
    before = LeadScore.objects.get().score
    FeatureState.objects.update(version="2026.1", state={"of": "another form"})

    services.rescore(lead_ids=[lead.pk])

    lead.refresh_from_db()
    assert lead.score == pytest.approx(before, abs=2.0)
    assert lead.scored_at == NOW


def test_several_events_of_one_lead_in_a_batch_get_a_row_each(lead: Lead) -> None:
    events = [say(lead, text, at=NOW - timedelta(minutes=2 - i)) for i, text in enumerate(HOT)]

    score(*events[::-1])

    rows = list(LeadScore.objects.order_by("pk"))
    assert [row.event_id for row in rows] == [one.pk for one in events]
    assert rows[0].score < rows[1].score < rows[2].score
    assert len({row.inputs_hash for row in rows}) == 3
    lead.refresh_from_db()
    assert lead.score == rows[2].score


def test_a_late_event_rebuilds_the_state(lead: Lead) -> None:
    score(say(lead, HOT[2], at=NOW))
    late = say(lead, HOT[0], at=NOW - timedelta(days=2))

    rows = score(late)

    state = FeatureState.objects.get()
    assert state.state == replayed(lead)
    assert state.last_event_id < late.pk
    assert rows[0].event_at == late.occurred_at
    assert [name for name, _, _ in rows[0].contributions if name == "days_since_preapproved"] == []
    lead.refresh_from_db()
    assert (lead.score or 0) > LeadScore.objects.get(event_id__lt=late.pk).score


def test_history_is_scored_as_of_when_it_happened(lead: Lead) -> None:
    old = [say(lead, text, at=NOW - timedelta(days=60 - i), is_backfill=True) for i, text in enumerate(HOT)]

    rows = score(*old)

    lead.refresh_from_db()
    assert [row.event_at for row in rows] == [one.occurred_at for one in old]
    assert rows[2].tier == "hot"
    assert lead.tier == "quiet"
    assert lead.scored_at == NOW
    scored = Event.objects.filter(kind=Kind.LEAD_SCORED).order_by("occurred_at")
    assert [one.occurred_at for one in scored] == [one.occurred_at for one in old]
    assert scored[0].data["previous_score"] is None
    assert scored[1].data["previous_score"] == rows[0].score
    assert scored[2].data["previous_tier"] == rows[1].tier
    assert all(one.is_backfill for one in scored)
    assert not Alert.objects.exists()


def test_history_in_two_batches_follows_on(lead: Lead) -> None:
    first = score(say(lead, HOT[0], at=NOW - timedelta(days=50), is_backfill=True))
    score(say(lead, HOT[1], at=NOW - timedelta(days=49), is_backfill=True))

    last = Event.objects.filter(kind=Kind.LEAD_SCORED).latest("pk")
    assert last.data["previous_score"] == first[0].score


def test_an_event_from_the_future_counts_from_when_it_was_recorded(lead: Lead) -> None:
    told = say(lead, at=NOW + timedelta(hours=2), recorded_at=NOW)

    rows = score(told)

    assert rows[0].event_at == NOW
    assert FeatureState.objects.get().last_occurred_at == NOW


def test_a_clock_that_runs_behind_still_scores(lead: Lead, freeze: Freeze) -> None:
    score(say(lead))
    freeze(NOW - timedelta(seconds=30))

    rows = score(say(lead, "Hello again", at=NOW, recorded_at=NOW))

    assert rows[0].score > 0
    assert services.rescore(lead_ids=[lead.pk]) in {0, 1}


def test_an_unknown_kind_and_a_tenants_own_events_are_left_out(tenant: Tenant, lead: Lead) -> None:
    market = EventFactory(lead=None, tenant=tenant, kind=Kind.MARKET_UPDATED)
    concluded = event(lead, Kind.LEAD_SCORED)

    assert score(market, concluded) == []
    assert services.score_leads(event_ids=[999_999_999]) == []
    assert services.score_leads(event_ids=[]) == []
    assert not LeadScore.objects.exists()


def test_a_deleted_lead_is_not_scored(lead: Lead) -> None:
    Lead.objects.filter(pk=lead.pk).update(status=Lead.Status.DELETED)

    assert score(event(lead, Kind.CONTACT_DELETED)) == []


def test_scoring_listens_to_behaviour(lead: Lead) -> None:
    tasks.score_events([say(lead).pk])

    assert LeadScore.objects.count() == 1


# Standing and timeline


def scored_events(lead: Lead) -> list[dict[str, Any]]:
    rows = Event.objects.filter(lead=lead, kind=Kind.LEAD_SCORED).order_by("pk")
    return list(rows.values_list("data", flat=True))


def test_the_timeline_tells_of_a_new_tier_or_five_points(lead: Lead) -> None:
    score(say(lead, "Hello"))
    first = LeadScore.objects.latest("pk").score
    score(event(lead, Kind.LISTING_VIEWED))
    small = LeadScore.objects.latest("pk").score
    score(say(lead, HOT[2]))

    told = scored_events(lead)
    assert 0 < small - first < 5
    assert [(one["previous_tier"], one["tier"]) for one in told] == [("", "quiet"), ("quiet", "warm")]
    assert told[1]["previous_score"] == small
    assert told[1]["score"] == LeadScore.objects.latest("pk").score


def test_previous_score_is_the_one_before_the_figure_changed(lead: Lead) -> None:
    score(say(lead, "Hello"))
    first = LeadScore.objects.latest("pk").score
    score(say(lead, HOT[2]))
    lead.refresh_from_db()
    assert lead.previous_score == first

    score(event(lead, Kind.NOTE_ADDED, data={"text": "called"}))

    lead.refresh_from_db()
    assert lead.previous_score == first


def test_a_segment_that_was_declared_is_kept_on_the_lead(lead: Lead) -> None:
    score(say(lead, "This would be our first home"))
    lead.refresh_from_db()
    assert lead.segment == "first_time_buyer"

    score(say(lead, "Thanks"))

    lead.refresh_from_db()
    assert lead.segment == "first_time_buyer"


def test_the_live_message_of_a_score(
    lead: Lead, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        score(say(lead, "Can we see the house tomorrow?", at=NOW - timedelta(seconds=90)))

    message = LiveMessage.objects.get(type="score_update")
    row = LeadScore.objects.get()
    assert message.tenant_id == lead.tenant_id
    assert message.event_at == NOW - timedelta(seconds=90)
    assert message.data == {
        "lead_id": lead.pk,
        "contact_id": lead.contact_id,
        "score": row.score,
        "previous_score": None,
        "tier": "warm",
        "previous_tier": "",
        "reasons": ["Asked for a showing 1 min ago", "Active 1 min ago", "In a hurry"],
        "next_action": "Book the showing",
        "scored_at": NOW.isoformat(),
    }
    assert message.html is not None
    assert list(message.html) == [f"lead-{lead.pk}"]
    assert f'<tr id="lead-{lead.pk}"' in message.html[f"lead-{lead.pk}"]
    assert "Book the showing" in message.html[f"lead-{lead.pk}"]


def test_the_next_live_message_knows_the_score_before(lead: Lead) -> None:
    score(say(lead))
    first = LeadScore.objects.get().score
    score(say(lead, HOT[2]))

    data = LiveMessage.objects.filter(type="score_update").latest("number").data
    assert (data["previous_score"], data["previous_tier"]) == (first, "quiet")


# Thresholds and alerts


def test_tiers_follow_the_tenants_thresholds(lead: Lead) -> None:
    AlertSettings.objects.create(tenant=lead.tenant, hot_score=30, warm_score=20, steady_score=10)

    rows = score(say(lead, "Hello"))

    assert rows[0].tier == "hot"


def test_a_buying_signal_and_a_hot_lead_raise_alerts(lead: Lead) -> None:
    for text in HOT[:2]:
        score(say(lead, text))
    assert not Alert.objects.filter(kind="buying_signal").exists()

    last = say(lead, HOT[2])
    score(last)

    assert set(Alert.objects.filter(event_id=last.pk).values_list("kind", flat=True)) == {
        "hot_lead",
        "buying_signal",
    }
    assert Alert.objects.get(kind="buying_signal").data["signals"] == ["showing", "preapproved"]


def test_an_old_signal_raises_no_second_alert(lead: Lead) -> None:
    score(say(lead, HOT[2]))
    Alert.objects.all().delete()

    score(say(lead, "Thanks"))

    assert not Alert.objects.filter(kind="buying_signal").exists()


# Batches


def some_leads(tenant: Tenant, count: int) -> list[Lead]:
    return [LeadFactory(tenant=tenant) for _ in range(count)]


def queries_of(count: int, assert_num: DjangoAssertNumQueries, expected: int, **fields: Any) -> None:
    tenant = TenantFactory()
    leads = some_leads(tenant, count)
    score(*[say(lead, "Hello", at=NOW - timedelta(hours=1)) for lead in leads])
    events = [say(lead, "Hello again", **fields) for lead in leads for _ in range(2)]
    with assert_num(expected):
        score(*events)


@pytest.mark.parametrize("count", [1, 24])
def test_queries_do_not_grow_with_the_batch(
    count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    queries_of(count, django_assert_num_queries, 13)


@pytest.mark.parametrize("count", [1, 24])
def test_queries_of_late_events_do_not_grow_with_the_batch(
    count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    queries_of(count, django_assert_num_queries, 16, at=NOW - timedelta(days=3))


def test_a_batch_scores_as_its_events_one_by_one(tenant: Tenant) -> None:
    together, apart = some_leads(tenant, 6), some_leads(tenant, 6)
    batch = [say(lead, HOT[i % 3], at=NOW - timedelta(minutes=i)) for i, lead in enumerate(together)]
    single = [say(lead, HOT[i % 3], at=NOW - timedelta(minutes=i)) for i, lead in enumerate(apart)]

    score(*batch)
    for one in single:
        score(one)

    assert [LeadScore.objects.get(lead=lead).score for lead in together] == [
        LeadScore.objects.get(lead=lead).score for lead in apart
    ]


def test_tenants_do_not_touch_each_other(lead: Lead, other_lead: Lead) -> None:
    AlertSettings.objects.create(tenant=other_lead.tenant, hot_score=30, warm_score=20, steady_score=10)

    score(say(lead), say(other_lead))

    assert LeadScore.objects.get(lead=lead).tier == "quiet"
    assert LeadScore.objects.get(lead=other_lead).tier == "hot"
    for one in (lead, other_lead):
        message = LiveMessage.objects.get(tenant=one.tenant, type="score_update")
        assert message.data["lead_id"] == one.pk


# Merged leads


def test_a_merged_leads_events_count_for_the_survivor(tenant: Tenant) -> None:
    survivor, absorbed = some_leads(tenant, 2)
    score(say(survivor, HOT[0]), say(absorbed, HOT[1]))
    merge_leads(survivor=survivor, absorbed=absorbed, by=None)
    merged = Event.objects.filter(kind=Kind.LEAD_MERGED).latest("pk")

    score(merged)
    after_merge = FeatureState.objects.get(lead=survivor).state
    straggler = say(absorbed, HOT[2])
    rows = score(straggler)

    survivor.refresh_from_db()
    assert set(after_merge["answers"]) >= {"budget", "timeline", "motivation"}
    assert rows[0].lead_id == survivor.pk
    assert FeatureState.objects.get(lead=survivor).state == replayed(survivor)
    assert survivor.score == rows[0].score
    assert not FeatureState.objects.filter(lead=absorbed).exists()


def test_parted_leads_are_scored_on_their_own_again(tenant: Tenant) -> None:
    survivor, absorbed = some_leads(tenant, 2)
    score(say(survivor, HOT[0]), say(absorbed, HOT[1]))
    merge = merge_leads(survivor=survivor, absorbed=absorbed, by=None)
    score(Event.objects.filter(kind=Kind.LEAD_MERGED).latest("pk"))
    undo_merge(merge=merge, by=None)

    score(*Event.objects.filter(kind=Kind.LEAD_UNMERGED))

    for one in (survivor, absorbed):
        assert FeatureState.objects.get(lead=one).state == replayed(one)
    assert "timeline" not in FeatureState.objects.get(lead=survivor).state["answers"]


# Time alone


def test_time_lowers_a_score_that_was_not_looked_at_for_an_hour(lead: Lead, freeze: Freeze) -> None:
    score(*[say(lead, text) for text in HOT])
    before = LeadScore.objects.latest("pk")
    freeze(NOW + timedelta(days=20))

    moved = services.rescore_stale()

    after = LeadScore.objects.latest("pk")
    lead.refresh_from_db()
    assert moved == 1
    assert after.event_id is None
    assert after.event_at == NOW + timedelta(days=20)
    assert after.score < before.score
    assert lead.score == after.score
    assert scored_events(lead)[-1] == {
        "score": after.score,
        "tier": after.tier,
        "previous_score": before.score,
        "previous_tier": before.tier,
    }
    assert FeatureState.objects.get().state == replayed(lead)


def test_a_score_that_time_does_not_move_is_not_written(lead: Lead, freeze: Freeze) -> None:
    score(say(lead, at=NOW - timedelta(days=300), is_backfill=True))
    freeze(NOW + timedelta(minutes=61))

    assert services.rescore_stale() == 0

    lead.refresh_from_db()
    assert LeadScore.objects.count() == 1
    assert lead.scored_at == NOW + timedelta(minutes=61)
    assert services.rescore_stale() == 0


def test_a_fresh_score_is_left_alone(lead: Lead, freeze: Freeze) -> None:
    score(say(lead))
    freeze(NOW + timedelta(minutes=59))

    tasks.rescore_stale()

    lead.refresh_from_db()
    assert lead.scored_at == NOW


def test_the_tier_history_led_to_is_told_by_the_clock(lead: Lead, freeze: Freeze) -> None:
    score(*[say(lead, text, at=NOW - timedelta(days=60), is_backfill=True) for text in HOT])
    freeze(NOW + timedelta(minutes=61))

    services.rescore_stale()

    told = scored_events(lead)[-1]
    assert (told["previous_tier"], told["tier"]) == ("hot", "quiet")


def test_a_lead_whose_state_was_lost_is_rebuilt_by_the_clock(lead: Lead, freeze: Freeze) -> None:
    score(*[say(lead, text) for text in HOT])
    FeatureState.objects.all().delete()
    freeze(NOW + timedelta(days=3))

    services.rescore_stale()

    row = LeadScore.objects.latest("pk")
    assert row.score == services.score_at(lead, NOW + timedelta(days=3)).score


def test_rescoring_a_tenant_takes_its_new_thresholds(lead: Lead, other_lead: Lead) -> None:
    score(say(lead), say(other_lead))
    AlertSettings.objects.create(tenant=lead.tenant, hot_score=30, warm_score=20, steady_score=10)

    assert services.rescore_tenant(tenant_id=lead.tenant_id) is None

    lead.refresh_from_db()
    other_lead.refresh_from_db()
    assert (lead.tier, other_lead.tier) == ("hot", "quiet")


def test_a_large_tenant_is_rescored_in_turns(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    leads = some_leads(tenant, 3)
    score(*[say(lead) for lead in leads])
    AlertSettings.objects.create(tenant=tenant, hot_score=30, warm_score=20, steady_score=10)
    monkeypatch.setattr(decay, "TURN", 2)

    assert services.rescore_tenant(tenant_id=tenant.pk) == leads[1].pk
    assert [lead.tier for lead in Lead.objects.order_by("pk")] == ["hot", "hot", "quiet"]
    tasks.rescore_tenant(tenant.pk)

    assert {lead.tier for lead in Lead.objects.all()} == {"hot"}


def test_nobody_is_rescored_for_nobody(lead: Lead) -> None:
    assert services.rescore(lead_ids=[]) == 0
    assert services.rescore_stale() == 0


@pytest.mark.parametrize("count", [1, 24])
def test_queries_of_rescoring_do_not_grow_with_the_batch(
    count: int, freeze: Freeze, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    leads = some_leads(TenantFactory(), count)
    score(*[say(lead, text) for lead in leads for text in HOT])
    freeze(NOW + timedelta(days=20))

    with django_assert_num_queries(11):
        services.rescore(lead_ids=[lead.pk for lead in leads])


# A past moment


def test_the_score_at_a_past_moment_is_the_one_given_then(lead: Lead) -> None:
    moments = [NOW - timedelta(days=9 - i) for i in range(3)]
    score(*[say(lead, text, at=at, recorded_at=at) for text, at in zip(HOT, moments, strict=True)])

    for at in moments:
        assert services.score_at(lead, at).score == LeadScore.objects.get(event_at=at).score
    assert services.score_at(lead, NOW - timedelta(days=30)).score < LeadScore.objects.earliest("pk").score


def test_before_a_lead_was_known_nothing_of_it_counts(lead: Lead) -> None:
    Lead.objects.filter(pk=lead.pk).update(source="Referral", quality=90, profile={"budget": 500_000})
    lead.refresh_from_db()
    score(say(lead, HOT[2]))

    assert lead.created_at == NOW
    early = services.score_at(lead, NOW - timedelta(seconds=1))
    assert early.score == pytest.approx(24.331299226101827, abs=1e-9)
    assert [one.feature for one in early.contributions] == ["days_since_engaged"]


def test_states_are_plain_json(lead: Lead) -> None:
    score(*[say(lead, text) for text in HOT])

    state = FeatureState.objects.get().state
    assert json.loads(json.dumps(state)) == state
    assert timezone.is_aware(FeatureState.objects.get().last_occurred_at)

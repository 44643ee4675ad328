from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from leads import alerting
from leads.alerting import ScoreFact, StandingFacts, Thresholds, alerts_for

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
RULES = Thresholds()


def _facts(score: float, tier: str, event_id: int | None = 7) -> StandingFacts:
    return StandingFacts(1, 2, score, tier, NOW, event_id)


def _kinds(
    before: StandingFacts | None, after: StandingFacts, *signals: str, rules: Thresholds = RULES
) -> list[str]:
    drafts = alerts_for(before=before, after=after, signals=frozenset(signals), thresholds=rules, now=NOW)
    return [draft.kind for draft in drafts]


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        (None, ("hot", 90), ["hot_lead"]),
        (("warm", 80), ("hot", 90), ["hot_lead"]),
        (("quiet", 20), ("hot", 90), ["hot_lead"]),
        (("hot", 86), ("hot", 95), []),
        (None, ("warm", 70), []),
        (("steady", 60), ("warm", 66), ["tier_jump"]),
        (("quiet", 10), ("warm", 66), ["tier_jump"]),
        (("quiet", 10), ("steady", 45), []),
        (("hot", 90), ("warm", 80), []),
        (("hot", 90), ("warm", 75), ["score_drop"]),
        (("warm", 70), ("steady", 55), ["score_drop"]),
        (("warm", 70), ("steady", 55.1), []),
        (("steady", 60), ("quiet", 20), []),
    ],
)
def test_alert_triggering_logic(
    before: tuple[str, float] | None, after: tuple[str, float], kinds: list[str]
) -> None:
    was = _facts(before[1], before[0]) if before else None

    assert _kinds(was, _facts(after[1], after[0])) == kinds


def test_a_buying_signal_is_told_whatever_the_score_does() -> None:
    drafts = alerts_for(
        before=None,
        after=_facts(50, "steady"),
        signals=frozenset({"preapproved", "showing"}),
        thresholds=RULES,
        now=NOW,
    )

    (draft,) = drafts
    assert draft.kind == "buying_signal"
    assert draft.reason == "Asked for a showing and said they are pre-approved."
    assert draft.data["signals"] == ["showing", "preapproved"]


def test_signals_nobody_defined_raise_nothing() -> None:
    assert _kinds(None, _facts(50, "steady"), "weather") == []


def test_one_event_can_tell_two_things() -> None:
    assert _kinds(_facts(70, "warm"), _facts(90, "hot"), "price_agreed") == ["hot_lead", "buying_signal"]


def test_kinds_switched_off_are_not_told() -> None:
    rules = Thresholds(disabled=frozenset({"hot_lead"}))

    assert _kinds(None, _facts(90, "hot"), "offer", rules=rules) == ["buying_signal"]


def test_what_happened_long_ago_is_not_news() -> None:
    after = StandingFacts(1, 2, 90, "hot", NOW - timedelta(hours=6, seconds=1))

    assert alerts_for(before=None, after=after, signals=frozenset({"offer"}), thresholds=RULES, now=NOW) == []


def test_reasons_are_plain_and_say_the_change() -> None:
    def reason(before: StandingFacts | None, after: StandingFacts) -> str:
        (draft,) = alerts_for(before=before, after=after, signals=frozenset(), thresholds=RULES, now=NOW)
        return draft.reason

    assert reason(None, _facts(90, "hot")) == "Now hot: score 90."
    assert reason(_facts(78, "warm"), _facts(90.4, "hot")) == "Now hot: score 90, up 12."
    assert reason(_facts(50, "steady"), _facts(68, "warm")) == "Rose from steady to warm: score 68, up 18."
    assert reason(_facts(88, "hot"), _facts(60, "steady")) == "Score fell 28 points to 60."


def test_the_same_event_gives_the_same_key_and_another_event_another() -> None:
    def key(event_id: int | None) -> str:
        (draft,) = alerts_for(
            before=None, after=_facts(90, "hot", event_id), signals=frozenset(), thresholds=RULES, now=NOW
        )
        return draft.dedupe_key

    assert key(7) == key(7) == "hot_lead:2:7"
    assert key(8) == "hot_lead:2:8"
    assert key(None) == f"hot_lead:2:{int(NOW.timestamp()) * 1000}"


@pytest.mark.parametrize(("minutes", "is_told"), [(14, False), (15, True), (600, True)])
def test_a_reply_is_told_from_its_limit_on(minutes: int, is_told: bool) -> None:
    draft = alerting.reply_waiting(
        tenant_id=1, lead_id=2, since=NOW - timedelta(minutes=minutes), thresholds=RULES, now=NOW
    )

    assert (draft is not None) is is_told
    if draft:
        assert draft.reason == "A message has waited more than 15 minutes for a reply."


@pytest.mark.parametrize(("hours", "is_told"), [(47, False), (48, True)])
def test_a_silent_hot_lead_is_told_from_its_limit_on(hours: int, is_told: bool) -> None:
    draft = alerting.hot_silent(
        tenant_id=1, lead_id=2, since=NOW - timedelta(hours=hours), thresholds=RULES, now=NOW
    )

    assert (draft is not None) is is_told
    if draft:
        assert draft.reason == "Hot, but no contact for 48 hours."


def test_waiting_kinds_can_be_switched_off() -> None:
    rules = Thresholds(disabled=frozenset({"reply_waiting", "hot_silent"}))
    long_ago = NOW - timedelta(days=5)

    for rule in (alerting.reply_waiting, alerting.hot_silent):
        assert rule(tenant_id=1, lead_id=2, since=long_ago, thresholds=rules, now=NOW) is None


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=15), "15 minutes"),
        (timedelta(minutes=60), "1 hour"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(hours=48), "48 hours"),
        (timedelta(days=5), "5 days"),
    ],
)
def test_lengths_read_as_people_say_them(length: timedelta, words: str) -> None:
    assert alerting.duration(length) == words


@pytest.mark.parametrize(
    ("score", "tier"), [(85, "hot"), (84.9, "warm"), (65, "warm"), (40, "steady"), (39.9, "quiet")]
)
def test_tiers_follow_the_thresholds(score: float, tier: str) -> None:
    assert alerting.tier_of(score, RULES) == tier


def test_replayed_scores_count_what_would_have_been_raised_with_the_cooldown() -> None:
    facts = [
        ScoreFact(1, NOW - timedelta(hours=5), 90, 70),
        ScoreFact(1, NOW - timedelta(hours=4, minutes=50), 70, 90),
        ScoreFact(1, NOW - timedelta(hours=4, minutes=40), 90, 70),
        ScoreFact(2, NOW - timedelta(hours=1), 66, 60),
        ScoreFact(3, NOW - timedelta(hours=1), 66, None),
    ]

    assert alerting.replay_scores(facts, RULES) == {"hot_lead": 1, "score_drop": 1, "tier_jump": 1}
    assert alerting.replay_scores(facts, Thresholds(cooldown=timedelta(0)))["hot_lead"] == 2
    assert alerting.replay_scores(facts, Thresholds(hot_score=95, warm_score=92)) == {}


def test_replayed_waits_count_those_past_the_limit() -> None:
    waits = [60.0 * minutes for minutes in (5, 15, 40)]

    def count(rules: Thresholds) -> int:
        return alerting.replay_waits(
            waits, kind="reply_waiting", limit=timedelta(minutes=15), thresholds=rules
        )

    assert count(RULES) == 2
    assert count(Thresholds(disabled=frozenset({"reply_waiting"}))) == 0

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from leads.events import Kind
from leads.models import Alert, AlertSettings, Lead, Tenant, User
from tests.factories import AlertFactory, EventFactory, LeadFactory, ModelVersionFactory

pytestmark = pytest.mark.django_db

FEED = "/agent/alerts/"
RULES = "/agent/alerts/rules/"
GOOD = {
    "hot_score": 80,
    "warm_score": 60,
    "steady_score": 30,
    "score_drop": 20,
    "reply_limit_minutes": 10,
    "hot_silent_hours": 24,
    "cooldown_minutes": 30,
    "handle_goal_minutes": 5,
    "escalate_minutes": 8,
    "kinds": ["hot_lead", "tier_jump", "reply_waiting"],
    "channels": ["email"],
}
HTMX = {"HX-Request": "true"}


def _acknowledge(alert: Alert) -> str:
    return reverse("leads:alert-acknowledge", args=[alert.pk])


def _shown(client: Client, query: str = "") -> list[int]:
    page = client.get(FEED + query).context["page"]
    return [alert.pk for alert in page.object_list]


def test_the_feed_shows_open_alerts_the_most_urgent_first(agent_client: Client, tenant: Tenant) -> None:
    now = timezone.now()
    late, soon = (
        AlertFactory(lead=LeadFactory(tenant=tenant), goal_at=now + timedelta(minutes=m)) for m in (-3, 4)
    )
    AlertFactory(lead=LeadFactory(tenant=tenant), state="acknowledged", acknowledged_at=now)

    answer = agent_client.get(FEED)

    assert answer.status_code == 200
    assert [alert.pk for alert in answer.context["page"].object_list] == [late.pk, soon.pk]
    page = answer.content.decode()
    assert page.count("<hl-clock") == 2
    assert late.lead.first_name in page
    assert f'action="{_acknowledge(soon)}"' in page


def test_a_quiet_feed_says_what_will_appear(agent_client: Client) -> None:
    assert b"it appears here with a clock" in agent_client.get(FEED).content


def test_filters_live_in_the_address(agent_client: Client, agent: User, tenant: Tenant) -> None:
    now = timezone.now()

    def alert(**values: Any) -> int:
        values = {"goal_at": now + timedelta(minutes=4), **values}
        made: Alert = AlertFactory(lead=LeadFactory(tenant=tenant), **values)
        return made.pk

    mine = alert(assigned_to=agent)
    free = alert(kind="score_drop")
    late = alert(goal_at=now - timedelta(minutes=1), kind="tier_jump")
    handled = alert(state="acknowledged", acknowledged_at=now)

    assert set(_shown(agent_client)) == {mine, free, late}
    assert _shown(agent_client, "?kind=score_drop") == [free]
    assert _shown(agent_client, "?show=late") == [late]
    assert _shown(agent_client, "?show=handled") == [handled]
    assert set(_shown(agent_client, "?show=all")) == {mine, free, late, handled}
    assert set(_shown(agent_client, "?show=nonsense&kind=nonsense&page=x")) == {mine, free, late}


def test_mine_leaves_out_what_is_another_agents(
    agent_client: Client, agent: User, broker: User, lead: Lead
) -> None:
    goal = timezone.now() + timedelta(minutes=4)
    mine = AlertFactory(lead=lead, assigned_to=agent, goal_at=goal)
    free = AlertFactory(lead=lead, goal_at=goal)
    AlertFactory(lead=lead, assigned_to=broker, goal_at=goal)

    assert _shown(agent_client, "?mine=1") == [mine.pk, free.pk]


def test_the_feed_and_the_figures_come_as_parts_whose_links_stay_on_the_page(
    agent_client: Client, lead: Lead
) -> None:
    AlertFactory.create_batch(31, lead=lead)

    feed = agent_client.get(FEED + "?part=feed&show=all", headers=HTMX).content.decode()
    counts = agent_client.get(FEED + "?part=counts", headers=HTMX).content.decode()

    assert "<html" not in feed + counts
    assert "show=all&amp;page=2" in feed
    assert "part=" not in feed
    assert "Past the goal" in counts


def test_another_tenants_alerts_are_not_there(agent_client: Client, other_lead: Lead) -> None:
    alert = AlertFactory(lead=other_lead)

    assert _shown(agent_client, "?show=all") == []
    assert agent_client.post(_acknowledge(alert)).status_code == 404
    alert.refresh_from_db()
    assert alert.state == "open"


def test_the_feed_costs_the_same_however_long_it_is(
    agent_client: Client, agent: User, tenant: Tenant, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for lead in LeadFactory.create_batch(30, tenant=tenant, assigned_to=agent):
        AlertFactory(lead=lead, assigned_to=agent)

    with django_assert_num_queries(10):
        agent_client.get(FEED)


@pytest.mark.parametrize("is_htmx", [True, False])
def test_taking_an_alert_works_with_and_without_script(
    agent_client: Client, agent: User, lead: Lead, is_htmx: bool
) -> None:
    alert = AlertFactory(lead=lead)

    answer = agent_client.post(_acknowledge(alert), headers=HTMX if is_htmx else {})

    alert.refresh_from_db()
    assert (alert.state, alert.acknowledged_by) == ("acknowledged", agent)
    if is_htmx:
        assert "Handled in time" in answer.content.decode()
    else:
        assert (answer.status_code, answer.headers["Location"]) == (302, FEED)


def test_an_alert_another_took_first_stays_theirs(agent_client: Client, broker: User, lead: Lead) -> None:
    alert = AlertFactory(
        lead=lead, state="acknowledged", acknowledged_at=timezone.now(), acknowledged_by=broker
    )

    agent_client.post(_acknowledge(alert))

    alert.refresh_from_db()
    assert alert.acknowledged_by == broker


@pytest.mark.parametrize("path", [FEED, RULES])
def test_strangers_and_clients_are_kept_out(client: Client, buyer_client: Client, path: str) -> None:
    assert client.get(path).headers["Location"].startswith("/accounts/login/")
    assert buyer_client.get(path).status_code == 403


def test_taking_needs_a_post_and_a_team_role(
    client: Client, agent_client: Client, lead: Lead, buyer_client: Client
) -> None:
    path = _acknowledge(AlertFactory(lead=lead))

    assert agent_client.get(path).status_code == 405
    assert buyer_client.post(path).status_code == 403
    assert client.post(path).status_code == 302
    assert Alert.objects.get().state == "open"


# Rules


def test_rules_are_the_brokers(agent_client: Client, broker_client: Client) -> None:
    assert agent_client.get(RULES).status_code == 403
    assert broker_client.get(RULES).status_code == 200
    assert b"rules/" not in agent_client.get(FEED).content
    assert b"/agent/alerts/rules/" in broker_client.get(FEED).content


def test_saved_rules_are_kept_and_shown(broker_client: Client, tenant: Tenant) -> None:
    answer = broker_client.post(RULES, GOOD)

    kept = AlertSettings.objects.get(tenant=tenant)
    assert answer.headers["Location"] == RULES
    assert (kept.hot_score, kept.channels) == (80, ["email"])
    assert kept.disabled_kinds == ["score_drop", "buying_signal", "hot_silent"]
    page = broker_client.get(RULES)
    assert page.context["form"]["kinds"].value() == ["hot_lead", "tier_jump", "reply_waiting"]
    assert page.context["form"]["hot_score"].value() == 80


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"warm_score": 80}, "warm_score", "Warm must begin below hot (80)."),
        ({"steady_score": 61}, "steady_score", "Steady must begin below warm (60)."),
        ({"hot_score": 101}, "hot_score", "Ensure this value is less than or equal to 100."),
        ({"score_drop": 0}, "score_drop", "Ensure this value is greater than or equal to 1."),
        ({"reply_limit_minutes": ""}, "reply_limit_minutes", "This field is required."),
        ({"handle_goal_minutes": "soon"}, "handle_goal_minutes", "Enter a whole number."),
        (
            {"channels": ["pigeon"]},
            "channels",
            "Select a valid choice. pigeon is not one of the available choices.",
        ),
    ],
)
def test_wrong_rules_are_refused_and_kept_on_the_page(
    broker_client: Client, tenant: Tenant, change: dict[str, Any], field: str, words: str
) -> None:
    answer = broker_client.post(RULES, GOOD | change)

    assert answer.status_code == 422
    assert answer.context["form"].errors[field] == [words]
    assert not AlertSettings.objects.filter(tenant=tenant).exists()


def test_where_a_model_scores_the_rules_say_that_tiers_follow_the_teams_time(
    broker_client: Client, tenant: Tenant
) -> None:
    told = (
        'A learned model scores your leads now: <a class="link" href="/agent/scoring/tiers/">'
        "their tiers follow your team's time</a>, and these points hold only while the rules score."
    )
    version = ModelVersionFactory(tenant=tenant, state="candidate")
    ModelVersionFactory(state="serving")
    assert told not in broker_client.get(RULES).content.decode()

    version.state = "serving"
    version.save()
    assert told in broker_client.get(RULES).content.decode()

    version.fault = "The checksum is another."
    version.save()
    assert told not in broker_client.get(RULES).content.decode()
    ModelVersionFactory(tenant=None, state="serving")
    assert told in broker_client.get(RULES).content.decode()


def _scored(lead: Lead, hours_ago: float, before: float | None, score: float) -> None:
    EventFactory(
        lead=lead,
        kind=Kind.LEAD_SCORED,
        occurred_at=timezone.now() - timedelta(hours=hours_ago),
        data={"score": score, "previous_score": before},
    )


def test_the_preview_counts_what_these_rules_would_have_raised(
    broker_client: Client, tenant: Tenant, lead: Lead, other_lead: Lead
) -> None:
    _scored(lead, 20, 70, 82)
    _scored(lead, 10, 82, 61)
    _scored(lead, 9 * 24, 70, 99)
    _scored(other_lead, 20, 70, 99)
    now = timezone.now()
    for kind, minutes in ((Kind.MESSAGE_RECEIVED, 100), (Kind.MESSAGE_SENT, 88), (Kind.MESSAGE_RECEIVED, 12)):
        EventFactory(lead=lead, kind=kind, occurred_at=now - timedelta(minutes=minutes))

    answer = broker_client.post(RULES, GOOD | {"preview": "1"}, headers=HTMX)

    preview = answer.context["preview"]
    counts = {row.label: row.would_be for row in preview.by_kind}
    assert counts == {
        "Hot lead": 1,
        "Tier jump": 0,
        "Score drop": 0,
        "Buying signal": 0,
        "Reply waiting": 2,
        "Hot lead silent": 0,
    }
    assert "would have raised <b" in answer.content.decode()
    assert not AlertSettings.objects.exists()
    looser = broker_client.post(
        RULES, GOOD | {"preview": "1", "hot_score": 95, "reply_limit_minutes": 60}, headers=HTMX
    )
    assert looser.context["preview"].total == 0


def test_the_preview_counts_silences_of_hot_leads(broker_client: Client, tenant: Tenant) -> None:
    hot = LeadFactory(tenant=tenant, tier="hot")
    for hours in (100, 70, 10):
        EventFactory(lead=hot, kind=Kind.MESSAGE_SENT, occurred_at=timezone.now() - timedelta(hours=hours))

    answer = broker_client.post(RULES, GOOD | {"preview": "1", "kinds": ["hot_silent"]}, headers=HTMX)

    assert {row.label: row.would_be for row in answer.context["preview"].by_kind}["Hot lead silent"] == 2


def test_a_preview_of_wrong_rules_says_so(broker_client: Client) -> None:
    answer = broker_client.post(RULES, GOOD | {"preview": "1", "hot_score": 500}, headers=HTMX)

    assert b"Correct the marked fields" in answer.content


def test_a_preview_without_script_shows_the_whole_page(broker_client: Client) -> None:
    answer = broker_client.post(RULES, GOOD | {"preview": "1"})

    assert answer.status_code == 200
    assert "Save the rules" in answer.content.decode()
    assert not AlertSettings.objects.exists()

from __future__ import annotations

import re

import pytest
from django.test import Client

from leads import context
from leads.models import Role, User
from leads.shortcuts import Shortcut, clashes, read_keys, with_choices
from tests.conftest import SignIn

NEXT, LEADS, TEAM = (
    Shortcut("next", "Next row", "j"),
    Shortcut("l", "Leads", "g l"),
    Shortcut("t", "Team", "g t"),
)
KEYBOARD = "/account/keyboard/"


def keys_of(page: str) -> dict[str, str]:
    """Return what stands in each field of the form."""
    return dict(re.findall(r'<input type="text" name="(keys-[^"]+)"(?: value="([^"]*)")?', page))


# The rules


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("j", "j"), ("G L", "g l"), ("gl", "g l"), (" g   l ", "g l"), ("?", "?"), ("", ""), ("é", "é")],
)
def test_keys_are_read_as_they_are_typed(typed: str, kept: str) -> None:
    assert read_keys(typed) == kept


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ("g l x", "Use one key, or two pressed one after the other."),
        ("enter", "Use one key, or two pressed one after the other."),
        ("g lx", "Type each key as one character, such as j, or g l."),
        ("\x00", "Type each key as one character, such as j, or g l."),
    ],
)
def test_keys_that_are_none_are_refused(typed: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=re.escape(wrong)):
        read_keys(typed)


def test_chosen_keys_take_the_place_of_the_usual_ones() -> None:
    assert [each.keys for each in with_choices([NEXT, LEADS], {"next": "z"})] == ["z", "g l"]
    assert [each.keys for each in with_choices([NEXT, LEADS], {"next": ""})] == ["", "g l"]
    assert [each.keys for each in with_choices([NEXT, LEADS], {"gone": "g l"})] == ["j", "g l"]


def test_a_usual_key_gives_way_to_a_chosen_one() -> None:
    assert [each.keys for each in with_choices([NEXT, LEADS, TEAM], {"next": "g t"})] == ["g t", "g l", ""]
    assert [each.keys for each in with_choices([NEXT, LEADS, TEAM], {"next": "g"})] == ["g", "", ""]


def test_two_shortcuts_that_cannot_both_be_heard_clash() -> None:
    assert clashes([NEXT, LEADS, TEAM, Shortcut("o", "Off", ""), Shortcut("q", "Off too", "")]) == {}
    assert clashes([LEADS, Shortcut("t", "Team", "g l")]) == {
        "t": "“g l” is used for “Leads” already. Choose other keys, or leave one empty."
    }
    assert clashes([LEADS, Shortcut("next", "Next row", "g")]) == {
        "next": "“g” begins “g l”, which is used for “Leads”: only one of them could be heard. "
        "Choose other keys."
    }
    assert clashes([Shortcut("next", "Next row", "g"), LEADS]) == {
        "l": "“g l” begins with “g”, which is used for “Next row”: only one of them could be heard. "
        "Choose other keys."
    }


@pytest.mark.parametrize("role", [Role.AGENT, Role.BROKER, Role.ADMIN])
def test_the_usual_keys_do_not_clash(role: Role) -> None:
    assert clashes(context.usual_shortcuts(role)) == {}


# The page


def test_the_page_shows_each_shortcut_with_its_keys(agent_client: Client, broker_client: Client) -> None:
    page = agent_client.get(KEYBOARD).content.decode()

    keys = keys_of(page)
    assert keys["keys-next"] == "j"
    assert keys["keys-leads-lead-list"] == "g l"
    assert keys["keys-leads-notifications"] == "g u"
    assert "keys-leads-team" not in keys
    assert keys_of(broker_client.get(KEYBOARD).content.decode())["keys-leads-team"] == "g t"


def test_chosen_keys_are_kept_and_the_frame_uses_them(agent_client: Client, agent: User) -> None:
    keys = keys_of(agent_client.get(KEYBOARD).content.decode())

    response = agent_client.post(
        KEYBOARD, {**keys, "keys-next": "N", "keys-new": "", "keys-leads-lead-list": "gx", "save": "keys"}
    )

    agent.refresh_from_db()
    assert response["Location"] == KEYBOARD
    assert agent.shortcuts == {"next": "n", "new": "", "leads:lead-list": "g x"}
    page = agent_client.get("/agent/leads/").content.decode()
    assert '"next": "n"' in page
    assert re.search(r'href="/agent/leads/"\s+data-keys="g x"', page)
    assert 'data-keys="n"' not in page  # the new-lead button has none now
    assert '<kbd class="kbd">g</kbd><kbd class="kbd">x</kbd>' in page
    options = agent_client.get("/search/", headers={"HX-Request": "true"}).content.decode()
    assert '<kbd class="kbd">g</kbd><kbd class="kbd">x</kbd>' in options


def test_a_single_key_is_announced_and_two_are_not(agent_client: Client) -> None:
    page = agent_client.get("/agent/").content.decode()

    assert 'data-keys="n" aria-keyshortcuts="n"' in page
    assert 'aria-keyshortcuts="Control+K /"' in page
    assert 'aria-keyshortcuts="g' not in page


def test_usual_keys_are_not_kept(agent_client: Client, agent: User) -> None:
    agent_client.post(KEYBOARD, {**keys_of(agent_client.get(KEYBOARD).content.decode()), "save": "keys"})

    agent.refresh_from_db()
    assert agent.shortcuts == {}


def test_what_was_chosen_for_pages_one_no_longer_sees_stays(agent_client: Client, agent: User) -> None:
    User.objects.filter(pk=agent.pk).update(shortcuts={"leads:team": "g z"})

    keys = keys_of(agent_client.get(KEYBOARD).content.decode())
    agent_client.post(KEYBOARD, {**keys, "keys-next": "w"})

    agent.refresh_from_db()
    assert agent.shortcuts == {"leads:team": "g z", "next": "w"}


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("keys-new", "j", "“j” is used for “Next row” already. Choose other keys, or leave one empty."),
        ("keys-new", "g", "“g l” begins with “g”, which is used for “New lead”"),
        ("keys-new", "abc", "Use one key, or two pressed one after the other."),
        ("keys-new", "a" * 13, "Ensure this value has at most 12 characters (it has 13)."),
    ],
)
def test_keys_that_cannot_be_are_refused_and_kept_in_the_form(
    agent_client: Client, agent: User, field: str, typed: str, sentence: str
) -> None:
    keys = keys_of(agent_client.get(KEYBOARD).content.decode())

    response = agent_client.post(KEYBOARD, {**keys, field: typed})

    page = response.content.decode()
    assert response.status_code == 422
    assert sentence in page
    assert keys_of(page)[field] == typed
    agent.refresh_from_db()
    assert agent.shortcuts == {}


def test_the_usual_keys_come_back(agent_client: Client, agent: User) -> None:
    User.objects.filter(pk=agent.pk).update(shortcuts={"next": "w"})

    response = agent_client.post(KEYBOARD, {"keys-next": "j", "keys-new": "j", "reset": "keys"}, follow=True)

    agent.refresh_from_db()
    assert agent.shortcuts == {}
    assert "Every shortcut has its usual keys again." in response.content.decode()


def test_buyers_have_nothing_to_change(buyer_client: Client, buyer: User) -> None:
    page = buyer_client.get(KEYBOARD).content.decode()
    answer = buyer_client.post(KEYBOARD, {"keys-next": "w"})

    assert "No shortcuts to change here" in page
    assert answer.status_code == 200
    buyer.refresh_from_db()
    assert buyer.shortcuts == {}


# Density


@pytest.mark.parametrize("path", ["/agent/", "/account/appearance/"])
def test_density_is_written_by_the_server(path: str, agent_client: Client, agent: User) -> None:
    assert "data-density" not in agent_client.get(path).content.decode()

    response = agent_client.post("/account/appearance/", {"density": "compact"})

    assert response["Location"] == "/account/appearance/"
    assert 'data-density="compact"' in agent_client.get(path).content.decode().split("<head>")[0]
    agent.refresh_from_db()
    assert agent.density == "compact"


def test_density_is_each_persons_own(
    agent_client: Client, broker_client: Client, buyer: User, sign_in: SignIn
) -> None:
    agent_client.post("/account/appearance/", {"density": "compact"})
    buyer_client = sign_in(buyer)
    buyer_client.post("/account/appearance/", {"density": "compact"})

    assert "data-density" not in broker_client.get("/agent/").content.decode()
    assert 'data-density="compact"' in buyer_client.get("/").content.decode()


def test_a_density_there_is_not_changes_nothing(agent_client: Client, agent: User) -> None:
    response = agent_client.post("/account/appearance/", {"density": "tiny"}, follow=True)

    assert "Choose comfortable or compact." in response.content.decode()
    agent.refresh_from_db()
    assert agent.density == "comfortable"

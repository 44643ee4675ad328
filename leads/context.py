"""What the frame of every page needs: navigation, theme, counts, where live messages go on from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import SimpleLazyObject

from leads.models import LiveCursor, Membership, Role, Tenant, User
from leads.selectors import notifications
from leads.shortcuts import ACTIONS, FIXED, Shortcut, with_choices

THEMES = ("light", "dark")
BOTTOM_BAR = 4
MANAGERS = (Role.BROKER, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class NavItem:
    """A page of the agent portal, where its link stands and which keys open it."""

    route: str
    label: str
    icon: str
    group: str
    keys: str = ""
    short: str = ""
    for_managers: bool = False
    prefix: str = ""

    @property
    def url(self) -> str:
        return reverse(self.route)

    @property
    def spelled_keys(self) -> list[str]:
        return self.keys.split()


@dataclass(frozen=True, slots=True)
class NavGroup:
    label: str
    items: list[NavItem]


NAVIGATION = [
    NavItem("leads:dashboard", "Command centre", "layout-dashboard", "Work", "g c", short="Today"),
    NavItem("leads:lead-list", "Leads", "users", "Work", "g l"),
    NavItem("leads:alert-list", "Alerts", "bell", "Work", "g n"),
    NavItem("scoring:overview", "Scoring", "gauge", "Work", "g o"),
    NavItem("matching:hub", "Matching", "house-heart", "Work", "g m"),
    NavItem("matching:listing-list", "Listings", "house", "Work", "g h"),
    NavItem("matching:market", "Market", "chart-line", "Work", "g k"),
    NavItem("matching:area-list", "Areas", "map", "Work", "g p"),
    NavItem("leads:team", "Team", "user-cog", "Manage", "g t", for_managers=True),
    NavItem("matching:fair-housing", "Fair housing", "scale", "Manage", "g f"),
    NavItem("matching:places", "Places", "map-pin", "Manage", for_managers=True),
    NavItem("leads:settings-ghl", "Integrations", "plug", "Manage", "g s", for_managers=True),
    NavItem("leads:delivery-list", "Webhook deliveries", "webhook", "Manage", "g d", for_managers=True),
    NavItem("leads:system", "System", "activity", "Manage", "g y"),
]
PERSONAL = [
    NavItem("leads:notifications", "Notifications", "bell-ring", "You", "g u"),
    NavItem("leads:account", "Your account", "user-round", "You"),
    NavItem("leads:account-appearance", "Appearance", "palette", "You"),
    NavItem("leads:account-keyboard", "Keyboard shortcuts", "keyboard", "You"),
    NavItem("leads:account-security", "Security", "shield", "You"),
]
"""Pages about oneself: in the palette and the account menu, not in the sidebar."""


@lru_cache(maxsize=1)
def existing_pages() -> tuple[NavItem, ...]:
    """Return the pages that this version has."""
    return tuple(item for item in NAVIGATION if _exists(item.route))


def _exists(route: str) -> bool:
    try:
        reverse(route)
    except NoReverseMatch:
        return False
    return True


def pages_for(role: str) -> list[NavItem]:
    return [item for item in existing_pages() if role in MANAGERS or not item.for_managers]


def usual_shortcuts(role: str) -> list[Shortcut]:
    """Return what a member of the team can do by key, with the keys everyone has at first."""
    pages = [item for item in [*pages_for(role), *PERSONAL] if item.keys]
    return [*ACTIONS, *(Shortcut(item.route, f"Go to {item.label}", item.keys) for item in pages)]


def shortcuts_for(user: User, role: str) -> list[Shortcut]:
    """Return the same with the keys this person chose."""
    return with_choices(usual_shortcuts(role), user.shortcuts)


def palette_for(user: User, role: str) -> list[NavItem]:
    """Return the pages the palette offers a member of the team, with the keys that open them."""
    return _with_keys([*pages_for(role), *PERSONAL], shortcuts_for(user, role))


def _with_keys(items: list[NavItem], shortcuts: list[Shortcut]) -> list[NavItem]:
    keys = {shortcut.name: shortcut.keys for shortcut in shortcuts}
    return [replace(item, keys=keys.get(item.route, "")) for item in items]


def current_page(items: list[NavItem], path: str) -> str:
    """Return the route of the page a path lies in: the longest address it begins with."""
    inside = [
        item for item in items if path == item.url or (item.url != "/agent/" and path.startswith(item.url))
    ]
    return max(inside, key=lambda item: len(item.url)).route if inside else ""


def grouped(items: list[NavItem]) -> list[NavGroup]:
    groups: dict[str, list[NavItem]] = {}
    for item in items:
        groups.setdefault(item.group, []).append(item)
    return [NavGroup(label, members) for label, members in groups.items()]


def last_live_number(tenant: Tenant) -> int:
    """Return the number of the newest live message; read it before the rows of a page."""
    return LiveCursor.objects.filter(tenant=tenant).values_list("last_number", flat=True).first() or 0


def shell(request: HttpRequest) -> dict[str, Any]:
    theme = request.COOKIES.get("theme", "")
    context: dict[str, Any] = {"theme": theme if theme in THEMES else "", "debug": settings.DEBUG}
    membership: Membership | None = getattr(request, "membership", None)
    if membership is None:
        return context
    context["tenant"] = membership.tenant
    context["membership"] = membership
    if isinstance(request.user, User):
        user = request.user
        counts = SimpleLazyObject(lambda: notifications.frame_counts(membership.tenant, user))
        context["unread"] = SimpleLazyObject(lambda: counts.unread)
        if membership.is_team:
            context["open_alerts"] = SimpleLazyObject(lambda: counts.open_alerts)
            context.update(_team_shell(request, membership, user))
    return context


def _team_shell(request: HttpRequest, membership: Membership, user: User) -> dict[str, Any]:
    shortcuts = shortcuts_for(user, membership.role)
    items = _with_keys(pages_for(membership.role), shortcuts)
    tenant = membership.tenant
    return {
        "nav_groups": grouped(items),
        "nav_items": items,
        "nav_bar": items[:BOTTOM_BAR],
        "nav_current": current_page(items, request.path),
        "palette_pages": [*items, *_with_keys(PERSONAL, shortcuts)],
        "shortcuts": shortcuts,
        "fixed_shortcuts": FIXED,
        "shortcut_keys": {shortcut.name: shortcut.keys for shortcut in shortcuts},
        "live_after": SimpleLazyObject(lambda: last_live_number(tenant)),
    }

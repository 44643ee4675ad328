"""What the frame of every page needs: navigation, theme, counts, where live messages go on from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import SimpleLazyObject

from leads.models import LiveCursor, Membership, Role, Tenant, User
from leads.selectors import dashboard

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
    NavItem("leads:team", "Team", "user-cog", "Manage", "g t", for_managers=True),
    NavItem("leads:settings-ghl", "Integrations", "plug", "Manage", "g s", for_managers=True),
    NavItem("leads:delivery-list", "Webhook deliveries", "webhook", "Manage", "g d", for_managers=True),
    NavItem("leads:system", "System", "activity", "Manage", "g y"),
]
PAGE_SHORTCUTS = [
    ("Search and commands", ["⌘K", "/"]),
    ("This list of shortcuts", ["?"]),
    ("Next row, previous row", ["j", "k"]),
    ("Open the row", ["↵"]),
    ("Tick the row", ["x"]),
    ("Pause live updates", ["p"]),
    ("New lead", ["n"]),
    ("Close", ["Esc"]),
]


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
    if membership.is_team and isinstance(request.user, User):
        context.update(_team_shell(request, membership))
    return context


def _team_shell(request: HttpRequest, membership: Membership) -> dict[str, Any]:
    items = pages_for(membership.role)
    tenant = membership.tenant
    return {
        "nav_groups": grouped(items),
        "nav_items": items,
        "nav_bar": items[:BOTTOM_BAR],
        "nav_current": current_page(items, request.path),
        "page_shortcuts": PAGE_SHORTCUTS,
        "open_alerts": SimpleLazyObject(lambda: dashboard.open_alert_count(tenant)),
        "live_after": SimpleLazyObject(lambda: last_live_number(tenant)),
    }

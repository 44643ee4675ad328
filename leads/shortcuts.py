"""Keyboard shortcuts: what can be done by a key, which keys are fit, and which two clash; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Shortcut:
    """Something a key does, or two keys one after the other: `j`, `g l`. No keys: it is off."""

    name: str
    label: str
    keys: str

    @property
    def spelled(self) -> list[str]:
        return self.keys.split()

    @property
    def field(self) -> str:
        """Return its name as one of a form's fields has it."""
        return f"keys-{self.name.replace(':', '-')}"


ACTIONS = (
    Shortcut("search", "Search and commands", "/"),
    Shortcut("help", "This list of shortcuts", "?"),
    Shortcut("next", "Next row", "j"),
    Shortcut("previous", "Previous row", "k"),
    Shortcut("select", "Tick the row", "x"),
    Shortcut("pause", "Pause live updates", "p"),
    Shortcut("new", "New lead", "n"),
    Shortcut("edit", "Edit the lead", "e"),
)
FIXED = (
    ("Search, from inside a field too", ("⌘K", "Ctrl K")),
    ("Open the row", ("↵",)),
    ("Close", ("Esc",)),
)
"""What the browser or the palette does by itself; these cannot be changed."""


def read_keys(text: str) -> str:
    """Return typed keys as they are kept, `GL` as `g l`; raise ValueError with what is wrong with them."""
    typed = text.lower().split()
    keys = list(typed[0]) if len(typed) == 1 else typed
    if any(len(key) > 1 or not key.isprintable() for key in keys):
        raise ValueError("Type each key as one character, such as j, or g l.")
    if len(keys) > 2:
        raise ValueError("Use one key, or two pressed one after the other.")
    return " ".join(keys)


def with_choices(shortcuts: Iterable[Shortcut], chosen: Mapping[str, str]) -> list[Shortcut]:
    """Return shortcuts with a person's keys; a usual key that gets in the way of a chosen one is dropped."""
    offered = list(shortcuts)
    taken = [keys for name, keys in chosen.items() if keys and any(name == each.name for each in offered)]
    found = []
    for shortcut in offered:
        if shortcut.name in chosen:
            found.append(replace(shortcut, keys=chosen[shortcut.name]))
        elif any(_collide(shortcut.keys, keys) for keys in taken):
            found.append(replace(shortcut, keys=""))
        else:
            found.append(shortcut)
    return found


def clashes(shortcuts: Iterable[Shortcut]) -> dict[str, str]:
    """Return what is wrong with each shortcut whose keys another one before it has, by its name."""
    found: dict[str, str] = {}
    before: list[Shortcut] = []
    for shortcut in shortcuts:
        other = next((each for each in before if _collide(each.keys, shortcut.keys)), None)
        if other is not None:
            found[shortcut.name] = _sentence(shortcut, other)
        before.append(shortcut)
    return found


def _collide(one: str, other: str) -> bool:
    """Tell whether two shortcuts cannot both be had: the same keys, or one begins the other."""
    if not one or not other:
        return False
    shorter, longer = sorted((one.split(), other.split()), key=len)
    return longer[: len(shorter)] == shorter


def _sentence(shortcut: Shortcut, other: Shortcut) -> str:
    if shortcut.keys == other.keys:
        return (
            f"“{shortcut.keys}” is used for “{other.label}” already. Choose other keys, or leave one empty."
        )
    relation = "begins" if len(shortcut.keys) < len(other.keys) else "begins with"
    return (
        f"“{shortcut.keys}” {relation} “{other.keys}”, which is used for “{other.label}”: only one of them "
        "could be heard. Choose other keys."
    )

"""Say in plain words why tiers begin where they do."""

from __future__ import annotations

from dataclasses import dataclass

from scoring.outcomes import Words

_NUMBERS = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
_HYPHENED = {"first_time_buyer": "first-time buyer", "move_up": "move-up"}


@dataclass(frozen=True, slots=True)
class Calls:
    """How many leads the team can call in a week; for a segment, how many of it and its share of closings."""

    team: str
    a_week: float
    segment: str = ""
    of_segment: float = 0.0
    share: float = 1.0

    def told(self, words: Words) -> str:
        """Return them as a clause: "your team can call 40 leads a week"."""
        calls = f"{self.a_week:g} leads a week"
        if not self.segment:
            return f"{self.team} can call {calls}"
        of_segment = f"{self.of_segment:.3g} of the {calls} {self.team} can call"
        return (
            f"{of_segment} are {segment_words(self.segment)} leads,"
            f" for they bring {percent(self.share)} of the {words.plural}"
        )


def team_words(agents: int | None) -> str:
    """Return a team in words: "your two agents"."""
    if agents is None:
        return "your team"
    number = _NUMBERS[agents] if 0 <= agents < len(_NUMBERS) else str(agents)
    return "your agent" if agents == 1 else f"your {number} agents"


def segment_words(segment: str) -> str:
    """Return a segment as it stands before "leads": "first-time buyer"."""
    return _HYPHENED.get(segment, segment.replace("_", " "))


def percent(share: float) -> str:
    """Return a share as whole percent: "23%"."""
    return f"{100.0 * share:.0f}%"


def share_that_came(share: float, low: float, high: float, words: Words) -> str:
    """Return for how many it came, with the interval: "23% closed (95%: 18–29%)"."""
    return f"{percent(share)} {words.did} (95%: {100 * low:.0f}–{percent(high)})"


def by_precision(wanted: float, hot_a_week: float, calls: Calls, words: Words) -> str:
    """Say that so many of the hot leads are to close."""
    return f"at least {percent(wanted)} are to {words.do}, {_fewer(hot_a_week, calls, words)}"


def by_average(hot_a_week: float, calls: Calls, words: Words) -> str:
    """Say that whoever scores lower scores too little to be hot."""
    return f"scores below are under half the average, {_fewer(hot_a_week, calls, words)}"


def by_share(most: float, hot_a_week: float, calls: Calls, words: Words) -> str:
    """Say that more would be too many of all leads."""
    return f"the best {percent(most)} of the leads are {hot_a_week:.3g} a week, and {calls.told(words)}"


def _fewer(hot_a_week: float, calls: Calls, words: Words) -> str:
    return f"so {hot_a_week:.3g} a week are hot, though {calls.told(words)}"


def too_few(closings: int, words: Words) -> str:
    """Say that nothing can be said of how many hot leads close."""
    return f"{closings} {words.plural} are too few to tell how many of them {words.do}"


def of_those_above(came: str, unmet: float | None) -> str:
    """Say for how many of the hot leads it came; `unmet` is the share that was wanted in vain."""
    told = f"of the leads above it {came}"
    return told if unmet is None else f"{told}: no higher cut makes sure of the {percent(unmet)} wanted"

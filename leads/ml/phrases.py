"""Find what a text means: phrases of two languages, with negation, in one pass."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from itertools import product

NEGATION_REACH = 5
"""Words after "not" that it still denies, unless the clause ends first."""

CLOSED = frozenset({"not_interested", "has_agent", "no_rush", "idiom", "not_yet"})
"""Concepts whose words are spent once understood: "no rush" is neither a denial nor haste."""

DEFERRABLE = frozenset({"preapproved", "preapproved_bare", "financing", "price_agreed"})
"""What "not yet" after it puts off: "Pre-approval? Not yet"."""

_TOKEN = re.compile(r"[a-z]+(?:'[a-z]+)?|\d+(?:[.,]\d+)*|[.!?;,:\n()]")
_BREAKS = frozenset(".!?;,:\n()")
_CONTRASTS = frozenset({"but", "however", "although", "though", "pero", "aunque"})
_NUMBER = "#"


@dataclass(slots=True)
class Hit:
    """One concept found in a text: which words, which clause, denied or not, still to come or not."""

    concept: str
    start: int
    end: int
    clause: int
    negated: bool
    pending: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as tokens, the clause of each, the clauses that are questions, and the concepts found."""

    words: list[str]
    starts: list[int]
    clauses: list[int]
    questions: frozenset[int]
    hits: list[Hit]

    def clause_at(self, position: int) -> int:
        """Return the clause of a character position."""
        clause = 0
        for start, number in zip(self.starts, self.clauses, strict=True):
            if start > position:
                break
            clause = number
        return clause


class Node:
    """One word of the phrase tree: the concepts of the phrase ending here, and the words that may follow."""

    __slots__ = ("concepts", "following")

    def __init__(self) -> None:
        self.concepts: tuple[str, ...] = ()
        self.following: dict[str, Node] = {}


def _expand(line: str) -> Iterator[tuple[str, ...]]:
    """Yield every word sequence a line of the phrase file stands for."""
    slots = []
    for slot in line.split():
        words = [word for word in slot.removesuffix("?").split("|") if word]
        slots.append([*words, ""] if slot.endswith("?") else words)
    for choice in product(*slots):
        yield tuple(word for word in choice if word)


def build(concepts: dict[str, str]) -> Node:
    """Return the tree of all phrases, word by word."""
    root = Node()
    for concept, lines in concepts.items():
        for line in filter(None, lines.splitlines()):
            for words in _expand(line):
                node = root
                for word in words:
                    node = node.following.setdefault(word, Node())
                if concept not in node.concepts:
                    node.concepts = (*node.concepts, concept)
    return root


PHRASES = build(tomllib.loads(resources.files("leads.data").joinpath("phrases.toml").read_text("utf-8")))


def read(folded: str, phrases: Node = PHRASES) -> Reading:
    """Return the tokens and concepts of a folded text."""
    words: list[str] = []
    starts: list[int] = []
    for match in _TOKEN.finditer(folded):
        words.append(match[0])
        starts.append(match.start())
    clauses, questions = _clauses(words)
    return Reading(words, starts, clauses, questions, _find(words, clauses, phrases))


def _clauses(words: list[str]) -> tuple[list[int], frozenset[int]]:
    """Number the clauses and tell which end in a question mark."""
    clauses, questions, clause = [], set(), 0
    for word in words:
        clauses.append(clause)
        if word in _BREAKS:
            if word == "?":
                questions.add(clause)
            clause += 1
        elif word in _CONTRASTS:
            clause += 1
    return clauses, frozenset(questions)


def _find(words: list[str], clauses: list[int], phrases: Node) -> list[Hit]:
    """Walk the phrase tree from every word; deny, defer and spend words as the language does."""
    hits: list[Hit] = []
    denied_until = pending_until = i = 0
    clause = -1
    while i < len(words):
        if clauses[i] != clause:
            clause = clauses[i]
            denied_until = pending_until = 0
        found = _matches(words, i, phrases)
        if not found:
            i += 1
            continue
        end, concepts = found[-1]
        closed = CLOSED.intersection(concepts)
        if closed:
            concept = next(iter(closed))
            if concept == "not_yet":
                _defer(hits, i)
                denied_until = end + NEGATION_REACH
            else:
                hits.append(Hit(concept, i, end, clause, False, False))
            i = end
            continue
        negator = pending = 0
        for end, concepts in found:
            for concept in concepts:
                if concept == "negator":
                    negator = end
                elif concept == "pending":
                    pending = end
                else:
                    hits.append(Hit(concept, i, end, clause, i < denied_until, i < pending_until))
        if negator:
            denied_until = negator + NEGATION_REACH
        if pending:
            pending_until = pending + NEGATION_REACH
        i += 1
    return hits


def _matches(words: list[str], i: int, phrases: Node) -> list[tuple[int, tuple[str, ...]]]:
    """Return every phrase that starts at word `i`, shortest first, with where it ends."""
    found = []
    node = phrases
    for end in range(i, len(words)):
        word = words[end]
        step = node.following.get(word)
        if step is None and word[0].isdigit():
            step = node.following.get(_NUMBER)
        if step is None:
            break
        node = step
        if node.concepts:
            found.append((end + 1, node.concepts))
    return found


def _defer(hits: Iterable[Hit], at: int) -> None:
    """Defer the statements just before "not yet"."""
    for hit in hits:
        if hit.concept in DEFERRABLE and hit.end > at - NEGATION_REACH:
            hit.pending = True

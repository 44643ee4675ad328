"""Find the sentences of a text about a home that fair housing forbids or comes close to; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from leads.fair_housing import Finding, check_text, normalize

MOST = 500
"""Characters of a sentence that are kept."""
MASK = "this place"
_ENDS = re.compile(r"(?<=[.!?])\s+|\s*[\r\n]+\s*")


@dataclass(frozen=True, slots=True)
class Found:
    """A finding and the sentence it stands in."""

    sentence: str
    finding: Finding


def findings_in(text: str, names: Sequence[str] = ()) -> list[Found]:
    """Return what is found in a text, sentence by sentence; one spelling of a term stands for all.

    `names` are the home's own: a street or a subdivision may be called what no home may be called.
    """
    masked = masked_text(text, names)
    whole = check_text(masked)
    if not whole.findings:
        return []
    found: dict[tuple[str, str], Found] = {}
    for sentence, shown in zip(_sentences(masked), _sentences(text), strict=False):
        for finding in check_text(sentence).findings:
            found.setdefault((normalize(finding.term), shown), Found(shown[:MOST], finding))
    terms = {term for term, _ in found}
    for finding in whole.findings:
        if normalize(finding.term) not in terms:  # it runs over the end of a sentence
            shown = " ".join(text.split())[:MOST]
            found.setdefault((normalize(finding.term), shown), Found(shown, finding))
    return list(found.values())


def masked_text(text: str, names: Sequence[str]) -> str:
    """Return a text with the home's own names out of the way, sentence ends and all else as they were."""
    for name in sorted({one.strip() for one in names if len(one.strip()) > 3}, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", MASK, text, flags=re.IGNORECASE)
    return text


def street_of(address: str) -> str:
    """Return the street of an address, without number and unit: 12 Christian Hill Road, Unit 4."""
    street = address.split(",")[0]
    return re.sub(r"^\d+\S*\s+|\s+(?:unit|apt|#)\s*\S+$", "", street, flags=re.IGNORECASE).strip()


def _sentences(text: str) -> list[str]:
    return [" ".join(one.split()) for one in _ENDS.split(text) if one.strip()]

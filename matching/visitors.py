"""Tell a person who opens a link from programs that only look ahead; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

_PROGRAMS = re.compile(
    r"bot\b|bot/|crawl|spider|preview|prefetch|scan|fetch|monitor|headless|facebookexternalhit|whatsapp|"
    r"telegram|slack|discord|skypeuripreview|linkedin|pinterest|embedly|iframely|google-read-aloud|"
    r"bingpreview|mediapartners|okhttp|python-|curl/|wget|go-http|java/|libwww|axios|node-fetch|"
    r"safelinks|proofpoint|mimecast|barracuda|urldefense",
    re.IGNORECASE,
)


def is_person(method: str, headers: Mapping[str, str]) -> bool:
    """Tell whether a request is likely from a person: previews, scanners and prefetching are not.

    Who says nothing of their program is none either.
    """
    agent = headers.get("User-Agent", "")
    ahead = f"{headers.get('Purpose', '')} {headers.get('Sec-Purpose', '')} {headers.get('X-Moz', '')}"
    return method == "GET" and bool(agent) and not _PROGRAMS.search(agent) and "prefetch" not in ahead.lower()

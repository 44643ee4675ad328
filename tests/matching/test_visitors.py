from __future__ import annotations

import pytest

from matching.visitors import is_person

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1"
)


@pytest.mark.parametrize(
    ("method", "headers", "is_one"),
    [
        ("GET", {"User-Agent": PHONE}, True),
        ("HEAD", {"User-Agent": PHONE}, False),
        ("GET", {}, False),
        ("GET", {"User-Agent": "facebookexternalhit/1.1"}, False),
        ("GET", {"User-Agent": "Slackbot-LinkExpanding 1.0"}, False),
        ("GET", {"User-Agent": "WhatsApp/2.23.20"}, False),
        ("GET", {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"}, False),
        ("GET", {"User-Agent": "python-requests/2.32"}, False),
        ("GET", {"User-Agent": PHONE, "Sec-Purpose": "prefetch;prerender"}, False),
        ("GET", {"User-Agent": PHONE, "Purpose": "prefetch"}, False),
    ],
)
def test_programs_that_look_ahead_are_no_persons(method: str, headers: dict[str, str], is_one: bool) -> None:
    assert is_person(method, headers) is is_one

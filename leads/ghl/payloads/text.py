"""The words a person wrote, out of an HTML e-mail."""

from __future__ import annotations

import re
from html.parser import HTMLParser

BLOCKS = frozenset(
    {
        "address",
        "article",
        "blockquote",
        "br",
        "div",
        "dd",
        "dl",
        "dt",
        "footer",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
    }
    | {"h6", "header", "hr", "li", "ol", "p", "pre", "section", "table", "td", "th", "tr", "ul"}
)
HIDDEN = frozenset({"script", "style", "head", "title", "template", "noscript", "svg"})
VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
QUOTES = ("gmail_quote", "yahoo_quoted", "moz-cite-prefix", "protonmail_quote", "OutlookMessageHeader")

MAX_HTML = 100_000
MAX_TEXT = 20_000

_REPLY = re.compile(
    r"^\s*(?:On .{5,200}wrote:|El .{5,200}escribió:|-{2,} ?Original Message ?-{2,}|_{10,})\s*$", re.MULTILINE
)
_BLANKS = re.compile(r"[ \t\r\f\v\u00a0]+")
_LINES = re.compile(r"\n\s*\n\s*")


class _Reader(HTMLParser):
    """Collect visible text; what is quoted from an earlier message is left out."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._skipping: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in VOID:
            if tag in BLOCKS and not self._skipping:
                self.parts.append("\n")
            return
        classes = next((value or "" for name, value in attrs if name == "class"), "")
        quoted = tag == "blockquote" or any(name in classes for name in QUOTES)
        if self._skipping or quoted or tag in HIDDEN:
            self._skipping.append(tag)
        elif tag in BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if self._skipping:
            if tag in self._skipping:
                while self._skipping.pop() != tag:
                    pass
        elif tag in BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._skipping:
            self.parts.append(data)


def to_text(html: str) -> str:
    """Return the visible, unquoted text of an HTML body."""
    reader = _Reader()
    reader.feed(html[:MAX_HTML])
    reader.close()
    return unquoted("".join(reader.parts))


def unquoted(text: str) -> str:
    """Return the text above the first quoted message, with blanks made single."""
    text = _BLANKS.sub(" ", text)
    if found := _REPLY.search(text):
        text = text[: found.start()] or text[found.end() :]
    lines = [line for line in text.split("\n") if not line.lstrip().startswith(">")]
    return _LINES.sub("\n", "\n".join(line.strip() for line in lines)).strip()[:MAX_TEXT]


def looks_like_html(text: str) -> bool:
    """Return whether a body is markup."""
    return "<" in text and re.search(r"<[a-zA-Z/!][^<>]*>", text[:MAX_HTML]) is not None

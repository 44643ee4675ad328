"""What every reader of a typed value starts from."""

from __future__ import annotations

import unicodedata

from leads.errors import DomainError

MAX_LENGTH = 200


class FieldError(DomainError):
    """A value we cannot read; the message says what is wrong and how to mend it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "field")


def parse_text(value: object, limit: int) -> str:
    """Return a value as text of some length at most."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise FieldError("Write this as text.")
    text = str(value).strip()
    if "\0" in text:
        raise FieldError("The text has a character that cannot be kept.")
    if len(text) > limit:
        raise FieldError(f"This is too long: at most {limit} characters.")
    return text


def fold(text: str) -> str:
    """Lower the case, drop accents and straighten quotes, dashes and spaces."""
    if not text.isascii():
        text = text.translate(_STRAIGHT)
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return text.lower()


_STRAIGHT = str.maketrans(
    {
        "‘": "'",
        "’": "'",
        "“": '"',
        "”": '"',
        "–": "-",
        "—": "-",
        "‐": "-",
        "\u00a0": " ",
    }
)


def typed_text(value: object, what: str, *, limit: int = MAX_LENGTH) -> str:
    """Return the stripped text of a typed value."""
    article = "an" if what[0] in "aeiou" else "a"
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise FieldError(f"This is not {article} {what}. Write it as text.")
    text = str(value).strip()
    if not text:
        raise FieldError(f"The {what} is empty.")
    if len(text) > limit:
        raise FieldError(f"This is too long for {article} {what}.")
    return text


def numbered(words: str, *, start: int = 1, step: int = 1) -> dict[str, int]:
    """Return the words of a list with their numbers."""
    return {word: start + step * i for i, word in enumerate(words.split())}

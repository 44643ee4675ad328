"""Read files of listings of any size, a row at a time: CSV as programs write it, JSON, OData answers."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from leads.errors import DomainError
from leads.imports import unlike
from matching.listings import dictionary

LOOKED_AT = 200
MAX_COLUMNS = 1_000
PIECE = 1 << 20
NOT_JSON = "The file is not JSON: check for a missing comma, quote or bracket."
MAX_RECORD = 20_000_000
"""No record of a listing is longer; one that is would eat the memory of the machine."""


class FileRefused(DomainError):
    """A file that cannot be read at all."""


@dataclass(frozen=True, slots=True)
class File:
    """A file and how it is read."""

    path: Path
    digest: str
    encoding: str
    is_json: bool
    delimiter: str
    columns: tuple[str, ...]


def examine(path: Path, name: str = "") -> File:
    """Find out how a file is read, and its digest; `name` tells what it was called elsewhere."""
    try:
        digest, encoding = _scan(path)
        with path.open(encoding=encoding, newline="") as file:
            head = file.read(65_536)
    except OSError as error:
        raise FileRefused(f"{path} cannot be read: {error.strerror}.", "file") from error
    if not head.strip():
        raise FileRefused("The file is empty.", "file")
    if "\0" in head:
        raise FileRefused("The file is not text. Save it as CSV (UTF-8) or JSON.", "file")
    is_json = (name or path.name).lower().endswith((".json", ".jsonl", ".ndjson")) or head.lstrip()[0] in "[{"
    line = head.splitlines()[0]
    plain = File(path, digest, encoding, is_json, max(",;\t|", key=line.count), ())
    looked = list(islice(rows_of(plain), LOOKED_AT))
    if not looked:
        raise FileRefused("The file has no rows.", "file")
    columns = tuple(dict.fromkeys(str(key) for row in looked if isinstance(row, Mapping) for key in row))
    if not columns:
        raise FileRefused("The JSON is not a list of objects, one for each listing.", "file")
    if len(columns) > MAX_COLUMNS:
        raise FileRefused(f"The file has more than {MAX_COLUMNS:,} columns.", "file")
    return File(path, digest, encoding, is_json, plain.delimiter, columns)


def rows_of(file: File) -> Iterator[Any]:
    """Yield the rows of a file in their order; in JSON one may be anything."""
    with file.path.open(encoding=file.encoding, newline="") as text:
        if file.is_json:
            yield from _json_rows(text)
        else:
            yield from _csv_rows(text, file.delimiter)


def _scan(path: Path) -> tuple[str, str]:
    """Return the digest and the encoding of a file in one pass."""
    digest = hashlib.sha256()
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        encoding = "utf-16" if file.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        file.seek(0)
        while piece := file.read(PIECE):
            digest.update(piece)
            if encoding == "utf-8-sig":
                try:
                    decoder.decode(piece)
                except UnicodeDecodeError:
                    encoding = "cp1252"
    return digest.hexdigest(), encoding


def _csv_rows(text: io.TextIOBase, delimiter: str) -> Iterator[dict[str, str]]:
    reader = csv.reader(text, delimiter=delimiter)
    try:
        names: list[str] = []
        for line in reader:
            if not any(cell.strip() for cell in line):
                continue
            if not names:
                names = unlike(cell.strip() or f"Column {place}" for place, cell in enumerate(line, start=1))
                continue
            yield dict(zip(names, (cell.strip() for cell in line), strict=False))
    except (csv.Error, UnicodeDecodeError):
        raise FileRefused(
            f"The file is not a table: near line {reader.line_num} a quotation mark is open, or a cell is "
            "too long.",
            "file",
        ) from None


def _json_rows(text: io.TextIOBase) -> Iterator[Any]:
    """Yield the items of a list, of the list under "value", or of one object a line, never holding all."""
    pieces = _Pieces(text)
    first = pieces.peek()
    if first == "{":
        alone = pieces.open_object()
        if alone is not None:
            yield alone
            while pieces.peek():
                yield pieces.take()
            return
    elif first != "[":
        raise FileRefused("The file is not JSON.", "file")
    pieces.drop()
    while (sign := pieces.peek()) != "]":
        if not sign:
            raise FileRefused("The JSON ends in the middle of a list.", "file")
        if sign == ",":
            pieces.drop()
        else:
            yield pieces.take()


class _Pieces:
    """A JSON text of which only what is at hand is in memory."""

    def __init__(self, text: io.TextIOBase) -> None:
        self._text = text
        self._decoder = json.JSONDecoder()
        self.buffer = ""
        self._more()

    def _more(self) -> bool:
        piece = self._text.read(PIECE)
        self.buffer += piece
        return bool(piece)

    def peek(self) -> str:
        """Return the next sign that is no blank, or nothing at the end."""
        while not (stripped := self.buffer.lstrip("\ufeff \t\r\n")):
            self.buffer = ""
            if not self._more():
                return ""
        self.buffer = stripped
        return stripped[0]

    def drop(self) -> None:
        """Take the next sign away."""
        self.buffer = self.buffer[1:]

    def take(self) -> Any:
        """Return the next value."""
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self.buffer)
            except ValueError:
                if len(self.buffer) > MAX_RECORD or not self._more():
                    raise FileRefused(NOT_JSON, "file") from None
            except RecursionError:
                raise FileRefused("The JSON is nested too deeply.", "file") from None
            else:
                if end == len(self.buffer) and self._more():  # a number may go on in the next piece
                    continue
                self.buffer = self.buffer[end:]
                return value

    def open_object(self) -> dict[str, Any] | None:
        """Go to the list under "value" of an OData answer and return nothing, or return the whole object."""
        self.drop()
        held: dict[str, Any] = {}
        while (sign := self.peek()) != "}":
            if sign == ",":
                self.drop()
                continue
            name = self.take()
            if not isinstance(name, str) or self.peek() != ":":
                raise FileRefused(NOT_JSON, "file")
            self.drop()
            if name == "value" and self.peek() == "[":
                return None
            held[name] = self.take()
        self.drop()
        return held


def guess_mapping(columns: Sequence[str]) -> dict[str, str]:
    """Return which column is which field: by its RESO name, by what files call it, else it stays itself."""
    taken: set[str] = set()
    mapping: dict[str, str] = {}
    for column in columns:
        target = column if column in _KNOWN else _BY_HEADING.get(dictionary.squeeze(column), "")
        if target and target not in taken:
            taken.add(target)
            mapping[column] = target
        else:
            mapping[column] = column
    return mapping


_KNOWN = frozenset((*dictionary.targets(), "Media", "OpenHouses"))
_BY_HEADING = {
    **{dictionary.squeeze(synonym): name for synonym, name in dictionary.SYNONYMS.items()},
    **{dictionary.squeeze(name): name for name in _KNOWN},
}


def check_mapping(mapping: Mapping[str, str], columns: Iterable[str]) -> None:
    """Refuse a mapping that fills a field twice, names no column, or says neither key nor status."""
    known = set(columns)
    for column in mapping:
        if column not in known:
            raise FileRefused(f"The file has no column “{column}”.", "mapping")
    used = [target for target in mapping.values() if target]
    twice = sorted({target for target in used if used.count(target) > 1})
    if twice:
        raise FileRefused(f"Two columns fill the field {twice[0]}. Leave one of them out.", "mapping")
    if not {"ListingKey", "ListingId"} & set(used):
        raise FileRefused("Say which column holds the listing's key: ListingKey or ListingId.", "mapping")
    if not {"StandardStatus", "MlsStatus"} & set(used):
        raise FileRefused("Say which column holds the status: StandardStatus.", "mapping")


def complete_mapping(columns: Sequence[str], chosen: Mapping[str, str]) -> dict[str, str]:
    """Return the guessed mapping with what was chosen put over it; a field chosen elsewhere is freed."""
    wanted = {target for target in chosen.values() if target}
    mapping = {
        column: column if target in wanted and column not in chosen else target
        for column, target in guess_mapping(columns).items()
    }
    mapping = {
        column: "" if target == column and column in wanted and column not in chosen else target
        for column, target in mapping.items()
    }
    mapping.update(chosen)
    check_mapping(mapping, columns)
    return mapping


def apply_mapping(row: Any, mapping: Mapping[str, str]) -> Any:
    """Return a row by the names of the dictionary; columns the first rows had not stay themselves."""
    if not isinstance(row, Mapping):
        return row
    named = {}
    for column, value in row.items():
        target = mapping.get(column, column)
        if target and (value not in ("", None) or target not in named):
            named[target] = value
    return named


def digest_of(file: File, mapping: Mapping[str, str], system: str) -> str:
    """Return what tells a file, read in one way, from all others."""
    how = json.dumps([dict(mapping), system], sort_keys=True)
    return hashlib.sha256(f"{file.digest}{how}".encode()).hexdigest()

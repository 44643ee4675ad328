"""Open files of places, packed or not, within bounds; pure."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from leads.imports import FileError

MAX_BYTES = 100 * 1024 * 1024
"""Of a file as it is given."""
MAX_UNPACKED = 600 * 1024 * 1024
MAX_ROWS = 500_000
MAX_MEMBERS = 200
_BLOCK = 1024 * 1024

Progress = Callable[[int, int], None]
"""Told rows read and rows in all, now and then."""


def no_progress(done: int, total: int) -> None:
    """Tell nobody."""


def text_of(content: bytes) -> str:
    """Return a file's text, unpacked where it is packed by gzip."""
    if len(content) > MAX_BYTES:
        raise FileError(f"The file is larger than {MAX_BYTES // 1024 // 1024} MB. Cut it by area.", "file")
    if content[:2] == b"\x1f\x8b":
        content = _gunzip(content)
    elif content[:2] == b"PK":
        raise FileError("This is a zip archive. Unpack it, or choose the kind for timetables.", "file")
    if not content.strip():
        raise FileError("The file is empty.", "file")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError("The file is not UTF-8 text. Save it as UTF-8.", "file") from error


def _gunzip(content: bytes) -> bytes:
    """Unpack block by block, so that a bomb is noticed before it fills the memory."""
    unpacker = zlib.decompressobj(wbits=31)
    blocks: list[bytes] = []
    size, rest = 0, content
    try:
        while rest and not unpacker.eof:
            block = unpacker.decompress(rest, _BLOCK)
            rest = unpacker.unconsumed_tail
            size += len(block)
            if size > MAX_UNPACKED:
                raise FileError(f"Unpacked it is larger than {MAX_UNPACKED // 1024 // 1024} MB.", "file")
            blocks.append(block)
    except zlib.error as error:
        raise FileError("The file is damaged: it cannot be unpacked.", "file") from error
    if not unpacker.eof:
        raise FileError("The file is cut off: its end is missing.", "file")
    return b"".join(blocks)


def objects_of(text: str) -> tuple[list[Any], str]:
    """Return the objects of a JSON file and where they stand: GeoJSON, Overpass, a list, or one a line."""
    start = text.lstrip()[:1]
    if start not in ("{", "["):
        raise FileError("The file is no JSON.", "file")
    try:
        told = json.loads(text)
    except json.JSONDecodeError as error:
        return _lines(text, error), "lines"
    except RecursionError as error:
        raise FileError("The file is nested too deeply.", "file") from error
    if isinstance(told, list):
        return _bounded(told), "list"
    for name in ("features", "elements"):
        if isinstance(told.get(name), list):
            return _bounded(told[name]), name
    if told.get("type") == "Feature":
        return [told], "features"
    if "lat" in told or "latitude" in told:
        return [told], "lines"
    raise FileError(
        "The file holds no places: neither features (GeoJSON) nor elements (Overpass) nor an object a line.",
        "file",
    )


def _lines(text: str, error: json.JSONDecodeError) -> list[Any]:
    """Read an object a line; a line that is none is kept as text, to be told by its number."""
    lines = text.splitlines()
    first = next(line for line in lines if line.strip())
    try:
        json.loads(first)
    except json.JSONDecodeError:
        where = f"line {error.lineno}, column {error.colno}"
        raise FileError(f"The JSON cannot be read from {where} on.", "file") from error
    found: list[Any] = []
    for line in lines:
        if not line.strip():
            continue
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            found.append(None)
    return _bounded(found)


def _bounded(found: list[Any]) -> list[Any]:
    if not found:
        raise FileError("The file holds no rows.", "file")
    if len(found) > MAX_ROWS:
        raise FileError(f"The file holds {len(found):,} rows, at most {MAX_ROWS:,} are read.", "file")
    return found


class Archive:
    """The tables of a zipped timetable, each read row by row."""

    def __init__(self, content: bytes) -> None:
        if len(content) > MAX_BYTES:
            raise FileError(f"The file is larger than {MAX_BYTES // 1024 // 1024} MB.", "file")
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(content))
        except zipfile.BadZipFile as error:
            raise FileError("The file is no zip archive: timetables come as GTFS, zipped.", "file") from error
        infos = self._zip.infolist()
        if len(infos) > MAX_MEMBERS:
            raise FileError(f"The archive holds {len(infos)} files, at most {MAX_MEMBERS} are read.", "file")
        if any(info.flag_bits & 1 for info in infos):
            raise FileError("The archive is locked by a password.", "file")
        if sum(info.file_size for info in infos) > MAX_UNPACKED:
            raise FileError(f"Unpacked it is larger than {MAX_UNPACKED // 1024 // 1024} MB.", "file")
        self._names: Mapping[str, str] = {
            info.filename.rpartition("/")[2].lower(): info.filename for info in infos if not info.is_dir()
        }

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def lines(self, name: str) -> Iterator[str]:
        """Yield a table's lines; a damaged one is told as such."""
        try:
            with self._zip.open(self._names[name]) as raw:
                yield from io.TextIOWrapper(raw, "utf-8-sig", newline="")
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise FileError(f"{name} in the archive is damaged.", "file") from error
        except UnicodeDecodeError as error:
            raise FileError(f"{name} is not UTF-8 text.", "file") from error

"""Read files of leads as other programs write them: loose rows, many spellings of a heading."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from leads.custom_fields import FieldType
from leads.errors import DomainError
from leads.fields import FieldError, fold, parse_money_range, parse_when
from leads.intake import IntakeErrors, LeadFacts, read_facts

MAX_BYTES = 20 * 1024 * 1024
MAX_ROWS = 100_000
MAX_COLUMNS = 200

Row = Mapping[str, Any]

TARGETS: Mapping[str, str] = {
    "name": "Full name",
    "first_name": "First name",
    "last_name": "Last name",
    "email": "E-mail address",
    "phone": "Phone number",
    "contact_id": "GoHighLevel contact id",
    "company": "Company",
    "address": "Street address",
    "city": "City",
    "state": "State",
    "postal_code": "ZIP code",
    "country": "Country",
    "time_zone": "Time zone",
    "source": "Source",
    "segment": "Segment",
    "tags": "Tags",
    "created_at": "Known since",
    "profile.budget": "Answer: budget",
    "profile.location": "Answer: where they want to live",
    "profile.timeline": "Answer: when they want to move",
    "profile.property": "Answer: what they look for",
    "profile.financing": "Answer: how they pay",
    "profile.motivation": "Answer: why they move",
    "profile.condition": "Answer: state of the home",
    "consent.SMS": "Consent to text messages (yes or no)",
    "consent.Email": "Consent to e-mail (yes or no)",
    "consent.CALL": "Consent to calls (yes or no)",
}
"""What a column can be, and what the page calls it; a tenant's own fields come as custom.<key>."""

_SPELLINGS: Mapping[str, str] = {
    "name": "name|full name|fullname|contact|contact name|lead|lead name|client|client name|customer name",
    "first_name": "first name|first|fname|firstname|given name|forename|nombre",
    "last_name": "last name|last|lname|lastname|surname|family name|apellido|apellidos",
    "email": "email|e mail|email address|e mail address|mail|primary email|email 1|correo|contact email",
    "phone": "phone|phone number|mobile|mobile phone|mobile number|cell|cell phone|cellphone|telephone|tel"
    "|primary phone|phone 1|contact phone|telefono|movil|celular",
    "contact_id": "contact id|ghl id|ghl contact id|gohighlevel id|highlevel id|crm id",
    "company": "company|company name|business|business name|organization|organisation",
    "address": "address|street|street address|address 1|address line 1|mailing address|direccion",
    "city": "city|town|ciudad",
    "state": "state|province|region|st|estado",
    "postal_code": "zip|zip code|zipcode|postal code|postcode|codigo postal",
    "country": "country|country code|pais",
    "time_zone": "time zone|timezone|tz",
    "source": "source|lead source|origin|campaign|utm source|how did you hear about us|fuente",
    "segment": "segment",
    "tags": "tags|tag|labels|label|groups|etiquetas",
    "created_at": "created|created at|created on|created date|date created|date added|added|added on"
    "|registered|registration date|lead date|inquiry date|fecha",
    "profile.budget": "budget|price|price range|max price|maximum price|budget max|how much|presupuesto",
    "profile.location": "desired location|preferred location|area|areas|preferred area|areas of interest"
    "|neighborhood|neighborhoods|looking in|desired city|zona",
    "profile.timeline": "timeline|timeframe|time frame|when|move date|move in date|moving date|how soon"
    "|purchase timeframe|plazo",
    "profile.property": "property type|home type|beds|bedrooms|looking for|requirements|type of home",
    "profile.financing": "financing|financing status|pre approved|preapproved|preapproval|pre approval"
    "|mortgage|lender|loan|payment method|financiacion",
    "profile.motivation": "motivation|reason|reason for moving|why|why moving|motivo",
    "profile.condition": "condition|home condition|property condition|repairs needed|estado de la casa",
    "consent.SMS": "sms consent|sms opt in|text consent|text opt in|opt in sms|consent sms",
    "consent.Email": "email consent|email opt in|opt in email|consent email|newsletter|subscribed",
    "consent.CALL": "call consent|phone consent|call opt in|opt in call|consent call",
}
_TARGET_OF = {spelling: target for target, words in _SPELLINGS.items() for spelling in words.split("|")}

_YES = frozenset({"yes", "y", "true", "1", "x", "granted", "opted in", "opt in", "subscribed", "si"})
_NO = frozenset({"no", "n", "false", "0", "denied", "opted out", "opt out", "unsubscribed", "stop"})


class FileError(DomainError):
    """A file that cannot be read at all."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows of a file and its columns, in their order."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class RowError:
    """Why a row was left out: where, what is wrong, how to mend it. Holds no value of the row."""

    row: int
    field: str
    what: str
    mend: str

    def as_dict(self) -> dict[str, Any]:
        return {"row": self.row, "field": self.field, "what": self.what, "mend": self.mend}


@dataclass(frozen=True, slots=True)
class ReadRow:
    """What a row says of a person."""

    number: int
    facts: LeadFacts
    created_at: datetime | None


def read_sheet(content: bytes, file_name: str, *, most_columns: int = MAX_COLUMNS) -> Sheet:
    """Return the rows of a CSV or JSON file."""
    if not content.strip():
        raise FileError("The file is empty.", "file")
    if len(content) > MAX_BYTES:
        raise FileError(f"The file is larger than {MAX_BYTES // 1024 // 1024} MB. Split it.", "file")
    text = _decode(content)
    is_json = file_name.lower().endswith((".json", ".jsonl", ".ndjson")) or text.lstrip()[:1] in "[{"
    rows = _json_rows(text) if is_json else _csv_rows(text)
    if not rows:
        raise FileError("The file has headings but no rows.", "file")
    if len(rows) > MAX_ROWS:
        raise FileError(f"The file has more than {MAX_ROWS:,} rows. Split it.", "file")
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    if len(columns) > most_columns:
        raise FileError(
            f"The file has more than {most_columns} columns. Keep those that say something.", "file"
        )
    return Sheet(columns, tuple(rows))


def _decode(content: bytes) -> str:
    """Return the text; spreadsheets write UTF-8 with a mark, UTF-16, or the Western code page."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings: tuple[str, ...] = ("utf-16",)
    else:
        encodings = ("utf-8-sig", "cp1252")
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise FileError("The file is not text. Save it as CSV (UTF-8) or JSON.", "file")


def _csv_rows(text: str) -> list[Row]:
    if "\x00" in text:
        raise FileError("The file is not text. Save it as CSV (UTF-8) or JSON.", "file")
    head = text[:20_000].splitlines()[0]
    delimiter = max(",;\t|", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        lines = [line for line in reader if any(cell.strip() for cell in line)]
    except csv.Error:
        raise FileError(
            "The file is not a table: a quotation mark is open, or a line is too long.", "file"
        ) from None
    names = unlike(cell.strip() or f"Column {place}" for place, cell in enumerate(lines[0], start=1))
    return [dict(zip(names, (cell.strip() for cell in line), strict=False)) for line in lines[1:]]


def unlike(names: Iterable[str]) -> list[str]:
    """Return headings of which no two are the same."""
    seen: dict[str, int] = {}
    given = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        given.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return given


def _json_rows(text: str) -> list[Row]:
    try:
        held: object = json.loads(text)
    except (ValueError, RecursionError):
        held = _json_lines(text)
    if isinstance(held, dict):
        held = next((held[key] for key in ("leads", "contacts", "rows", "data") if key in held), [held])
    if not isinstance(held, list) or not all(isinstance(row, dict) for row in held):
        raise FileError("The JSON is not a list of objects, one for each lead.", "file")
    return [{str(key): _plain(value) for key, value in row.items()} for row in held]


def _json_lines(text: str) -> list[object]:
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        raise FileError(
            "The file is not JSON: check for a missing comma, quote or bracket.", "file"
        ) from None


def _plain(value: object) -> object:
    """Return a cell: text, a number, true or false, or a list of texts."""
    if isinstance(value, list):
        return ", ".join(str(item) for item in value if isinstance(item, str | int | float))
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int | float) else "" if value is None else json.dumps(value)


def guess_mapping(columns: Sequence[str], types: Sequence[FieldType]) -> dict[str, str]:
    """Return which column is which field, by its heading; a field is filled by one column only."""
    own = {_squeeze(word): f"custom.{field.key}" for field in types for word in (field.name, field.key)}
    taken: set[str] = set()
    mapping: dict[str, str] = {}
    for column in columns:
        squeezed = _squeeze(column)
        exact = column if column in TARGETS else ""
        target = exact or own.get(squeezed) or _TARGET_OF.get(squeezed, "")
        mapping[column] = target if target not in taken else ""
        taken.add(target or column)
    return mapping


def _squeeze(heading: str) -> str:
    """Return a heading in small letters with single blanks: "First_Name*" and "firstName" are one."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", heading)
    return " ".join(re.sub(r"[^a-z0-9]+", " ", fold(spaced)).split())


def check_mapping(mapping: Mapping[str, str], columns: Sequence[str], types: Sequence[FieldType]) -> None:
    """Refuse a mapping that names what is not there, fills a field twice, or says nothing of who it is."""
    known = {*TARGETS, *(f"custom.{field.key}" for field in types), ""}
    for column, target in mapping.items():
        if column not in columns:
            raise FileError(f"The file has no column “{column}”.", "mapping")
        if target not in known:
            raise FileError(f"There is no field “{target}”.", "mapping")
    used = [target for target in mapping.values() if target]
    twice = sorted({target for target in used if used.count(target) > 1})
    if twice:
        raise FileError(f"Two columns fill the field {twice[0]}. Leave one of them out.", "mapping")
    if not {"name", "first_name", "last_name", "email", "phone", "contact_id"} & set(used):
        raise FileError("Say which column holds the name, the e-mail address or the phone number.", "mapping")


def read_row(
    number: int, row: Row, mapping: Mapping[str, str], types: Sequence[FieldType], *, now: datetime
) -> ReadRow | list[RowError]:
    """Return what a row says, or everything that is wrong with it."""
    given: dict[str, Any] = {}
    column_of: dict[str, str] = {}
    errors: list[RowError] = []
    created_at: datetime | None = None
    for column, target in mapping.items():
        value = row.get(column)
        if not target or value is None or value == "":
            continue
        column_of[target] = column
        try:
            if target == "created_at":
                created_at = min(parse_when(value, now=now), now)
            else:
                _put(given, target, _READERS.get(target, _as_is)(value))
        except FieldError as error:
            errors.append(_error(number, column, error.message))
    try:
        facts = read_facts(given, types, now=now)
    except IntakeErrors as wrong:
        errors += [_error(number, column_of.get(name, name), said) for name, said in wrong.errors.items()]
        return sorted(errors, key=lambda error: error.field)
    if errors:
        return errors
    if not (facts.email or facts.phone or facts.contact_id):
        said = (
            "The row has no e-mail address, phone number or contact id. Add one: it is how a lead is known."
        )
        return [_error(number, "", said)]
    return ReadRow(number, replace(facts, tags=facts.tags or None), created_at)


def _put(given: dict[str, Any], target: str, value: Any) -> None:
    family, _, key = target.partition(".")
    if key:
        given.setdefault(family, {})[key] = value
    else:
        given[target] = value


def _error(number: int, column: str, message: str) -> RowError:
    """Part a message into what is wrong and how to mend it."""
    what, _, mend = message.partition(". ")
    return RowError(number, column, what.rstrip(".") + ".", mend)


def _as_is(value: Any) -> Any:
    return value


def _text(value: Any) -> str:
    return str(value).strip()


def _budget(value: Any) -> float | str:
    """Return one amount as a number and a range as it was written; what is no money is an error."""
    bounds = parse_money_range(value)
    if bounds.low is not None and bounds.low == bounds.high:
        return float(bounds.low)
    return _text(value)


def _tags(value: Any) -> list[str]:
    return [part.strip() for part in re.split(r"[,;|]", _text(value)) if part.strip()]


def _country(value: Any) -> str:
    text = _text(value)
    return _COUNTRIES.get(fold(text).replace(".", ""), text)


_COUNTRIES = {
    "united states": "US",
    "united states of america": "US",
    "usa": "US",
    "canada": "CA",
    "mexico": "MX",
}


def _yes_or_no(value: Any) -> str:
    word = fold(_text(value))
    if word in _YES:
        return "granted"
    if word in _NO:
        return "denied"
    raise FieldError("This is neither yes nor no. Write yes or no.")


def _segment(value: Any) -> str:
    return re.sub(r"[^a-z]+", "_", fold(_text(value))).strip("_")


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "first_name": _text,
    "last_name": _text,
    "name": _text,
    "postal_code": _text,
    "tags": _tags,
    "country": _country,
    "segment": _segment,
    "profile.budget": _budget,
    "consent.SMS": _yes_or_no,
    "consent.Email": _yes_or_no,
    "consent.CALL": _yes_or_no,
}

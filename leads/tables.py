"""Statements made once, planned once and sent together, and rows of a model by them.

For the road from webhook to screen only: there Django's making of each query anew costs four times what
PostgreSQL needs to answer it, and every answer that is waited for is a turn of two busy processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import orjson
import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, models
from django.db.backends.utils import CursorWrapper

M = TypeVar("M", bound=models.Model)
Reader = Callable[[Any], Any]


@contextmanager
def together() -> Iterator[None]:
    """Send the statements inside without waiting for answers; PostgreSQL runs them in their order.

    An answer that is asked for inside is waited for there; an error surfaces there or at the end.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield


def prepared() -> CursorWrapper:
    """Return a cursor whose statements travel apart from their values, so that their plans are kept.

    Values need a type where PostgreSQL cannot tell it from the statement: write `%s::bigint[]`.
    """
    connection.ensure_connection()
    cursor: Any = psycopg.Cursor(connection.connection)
    make = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    return make(cursor)


@dataclass(frozen=True, slots=True)
class _Columns:
    """Columns of a model: how they are called in Python and in SQL, their types, and how values are read."""

    attributes: tuple[str, ...]
    names: tuple[str, ...]
    types: tuple[str, ...]
    readers: tuple[tuple[int, Reader], ...]


@lru_cache(maxsize=64)
def _columns(model: type[models.Model], wanted: frozenset[str] | None) -> _Columns:
    fields = [
        field  # in the model's own order, as `from_db` takes them
        for field in model._meta.concrete_fields
        if wanted is None or field.attname in wanted or field.primary_key
    ]
    if wanted is not None and not wanted <= {field.attname for field in fields}:
        raise ValueError(f"{model.__name__} has no field {sorted(wanted - {f.attname for f in fields})}.")
    return _Columns(
        attributes=tuple(field.attname for field in fields),
        names=tuple(f'"{field.column}"' for field in fields),
        types=tuple(
            str(field.rel_db_type(connection)) if field.primary_key else _type(field) for field in fields
        ),
        readers=tuple((place, read) for place, field in enumerate(fields) if (read := _reader(field))),
    )


def _type(field: models.Field[Any, Any]) -> str:
    return str(field.db_type(connection))


def _reader(field: models.Field[Any, Any]) -> Reader | None:
    if isinstance(field, models.JSONField):  # Django has psycopg hand JSON over as text
        return lambda text: None if text is None else orjson.loads(text)
    convert = getattr(field, "from_db_value", None)
    return (lambda value: convert(value, None, connection)) if convert is not None else None


@lru_cache(maxsize=64)
def _select(model: type[models.Model], wanted: frozenset[str] | None, tail: str) -> str:
    names = ", ".join(f"row.{name}" for name in _columns(model, wanted).names)
    return f'SELECT {names} FROM "{model._meta.db_table}" AS row {tail}'


def fetch(model: type[M], tail: str, values: Sequence[Any], *, only: frozenset[str] | None = None) -> list[M]:
    """Return the rows `SELECT … FROM table AS row {tail}` gives; attributes not in `only` are deferred."""
    return ask(model, tail, values, only=only)()


def ask(
    model: type[M], tail: str, values: Sequence[Any], *, only: frozenset[str] | None = None
) -> Callable[[], list[M]]:
    """Send what `fetch` sends and return what waits for the rows."""
    columns = _columns(model, only)
    cursor = prepared()
    cursor.execute(_select(model, only, tail), values)

    def answer() -> list[M]:
        rows = cursor.fetchall()
        if columns.readers:
            rows = [_read(row, columns.readers) for row in rows]
        return [model.from_db(DEFAULT_DB_ALIAS, columns.attributes, row) for row in rows]

    return answer


def _read(row: Sequence[Any], readers: tuple[tuple[int, Reader], ...]) -> list[Any]:
    values = list(row)
    for place, read in readers:
        values[place] = read(values[place])
    return values


@lru_cache(maxsize=32)
def _insert(model: type[models.Model], conflict: str) -> str:
    for field in model._meta.concrete_fields:
        if field.generated or not (isinstance(field, models.JSONField) or _reader(field) is None):
            raise TypeError(f"{model.__name__}.{field.name} can be written through the ORM alone.")
    columns, key = _columns(model, None), model._meta.pk.column
    given = [
        (name, kind)
        for name, kind in zip(columns.names, columns.types, strict=True)
        if name != f'"{key}"' or not _numbers_itself(model)
    ]
    names = ", ".join(name for name, _ in given)
    typed = ", ".join(f"{name} {kind}" for name, kind in given)
    return (
        f'INSERT INTO "{model._meta.db_table}" ({names}) SELECT {names}'
        f' FROM jsonb_to_recordset(%s::jsonb) AS fresh ({typed}) {conflict} RETURNING "{key}"'
    )


def _numbers_itself(model: type[models.Model]) -> bool:
    return isinstance(model._meta.pk, models.AutoField)


def _know_parents(rows: Sequence[models.Model]) -> None:
    """Take over the keys of related rows that were inserted after these were made."""
    for field in rows[0]._meta.concrete_fields:
        if isinstance(field, models.ForeignKey):
            for row in rows:
                if getattr(row, field.attname) is None and field.is_cached(row):
                    parent = field.get_cached_value(row)
                    setattr(row, field.attname, parent.pk if parent is not None else None)


def insert(rows: Sequence[M], *, conflict: str = "") -> list[M]:
    """Insert rows of one model and give each its key; with a `conflict` clause keys are left as they are."""
    put(rows, conflict=conflict)()
    return list(rows)


def put(rows: Sequence[models.Model], *, conflict: str = "") -> Callable[[], None]:
    """Send what `insert` sends and return what waits for the keys."""
    if not rows:
        return lambda: None
    model = type(rows[0])
    statement, columns = _insert(model, conflict), _columns(model, None)
    _know_parents(rows)
    pairs = list(zip(columns.attributes, (name[1:-1] for name in columns.names), strict=True))
    payload = orjson.dumps(
        [{name: getattr(row, attribute) for attribute, name in pairs} for row in rows],
        option=orjson.OPT_NON_STR_KEYS,
    ).decode()
    cursor = prepared()
    cursor.execute(statement, [payload])

    def answer() -> None:
        for row, (key,) in zip(rows, cursor.fetchall(), strict=not conflict):
            if not conflict:
                row.pk = key
            row._state.adding = False
            row._state.db = DEFAULT_DB_ALIAS

    return answer

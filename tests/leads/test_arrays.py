from __future__ import annotations

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from psycopg import adapters
from psycopg.adapt import PyFormat, Transformer
from psycopg.types.array import ListDumper

from leads.arrays import QuickListDumper

SQL_TEXT = st.text(st.characters(blacklist_characters="\x00", blacklist_categories=["Cs"]))


@given(st.lists(SQL_TEXT | st.none(), min_size=1))
def test_arrays_are_written_as_psycopg_writes_them(texts: list[str | None]) -> None:
    transformer = Transformer()

    assert QuickListDumper(list, transformer).dump(texts) == ListDumper(list, transformer).dump(texts)


def test_connections_use_the_quick_dumper() -> None:
    assert adapters.get_dumper(list, PyFormat.TEXT) is QuickListDumper


@pytest.mark.django_db
def test_an_array_comes_back_as_it_was_sent() -> None:
    texts = ['{"a": "b\\n"}', "\\", '"', "", "NULL", None, "two, three", "ñ {}"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::text[]", [texts])

        assert cursor.fetchone() == (texts,)

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads.custom_fields import CustomFieldErrors, FieldType, read_value, read_values
from leads.fields import FieldError
from leads.models import CustomField

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
POOL = ("Pool", "Garage", "Café corner")


def _field(data_type: str, options: tuple[str, ...] = ()) -> FieldType:
    return FieldType("key", "Name", data_type, options)


@pytest.mark.parametrize(
    ("data_type", "options", "given_value", "read"),
    [
        ("TEXT", (), "  by the lake ", "by the lake"),
        ("TEXT", (), 98101, "98101"),
        ("LARGE_TEXT", (), "x" * 5000, "x" * 5000),
        ("NUMERICAL", (), "1,250.5", 1250.5),
        ("NUMERICAL", (), 3.0, 3),
        ("MONETORY", (), "$580k", 580000.0),
        ("DATE", (), "3/31/2027", "2027-03-31"),
        ("DATE", (), "2027-03-31T10:00:00Z", "2027-03-31"),
        ("PHONE", (), "(206) 555-0123", "+12065550123"),
        ("SINGLE_OPTIONS", POOL, "pool", "Pool"),
        ("RADIO", POOL, "CAFE CORNER", "Café corner"),
        ("RADIO", (), "anything", "anything"),
        ("CHECKBOX", POOL, ["garage", "Pool", "Garage"], ["Garage", "Pool"]),
        ("MULTIPLE_OPTIONS", POOL, "pool, garage", ["Pool", "Garage"]),
        ("NUMERICAL", (), "", None),
        ("CHECKBOX", POOL, [], None),
        ("DATE", (), None, None),
    ],
)
def test_a_value_is_read_in_its_type(data_type: str, options: Any, given_value: object, read: object) -> None:
    assert read_value(_field(data_type, options), given_value, now=NOW) == read


@pytest.mark.parametrize(
    ("data_type", "options", "given_value", "message"),
    [
        ("TEXT", (), "x" * 501, "This is too long: at most 500 characters."),
        ("TEXT", (), {"a": 1}, "Write this as text."),
        ("TEXT", (), "a\0b", "The text has a character that cannot be kept."),
        ("NUMERICAL", (), "three", "This is not a number. Write it like 3 or 2.5."),
        ("NUMERICAL", (), "nan", "This number is too large to keep."),
        ("NUMERICAL", (), 10**400, "This is not a number. Write it like 3 or 2.5."),
        ("NUMERICAL", (), True, "Write this as a number, like 3 or 2.5."),
        ("SINGLE_OPTIONS", POOL, "Sauna", "“Sauna” is not one of: Pool, Garage, Café corner."),
        ("CHECKBOX", POOL, ["x"] * 101, "Choose at most 100."),
        ("FILE_UPLOAD", (), "a.pdf", "Values of the type FILE_UPLOAD cannot be set here."),
    ],
)
def test_a_value_that_does_not_fit_is_refused(
    data_type: str, options: Any, given_value: object, message: str
) -> None:
    with pytest.raises(FieldError) as refused:
        read_value(_field(data_type, options), given_value, now=NOW)

    assert refused.value.message == message


def test_all_wrong_values_are_named_at_once() -> None:
    types = [FieldType("beds", "Bedrooms", "NUMERICAL"), FieldType("move", "Move", "DATE")]

    with pytest.raises(CustomFieldErrors) as refused:
        read_values({"beds": "many", "move": "soonish", "color": "red"}, types, now=NOW)

    assert list(refused.value.errors) == ["beds", "move", "color"]
    assert refused.value.errors["color"] == "There is no field “color”. Known fields: beds, move."


def test_every_type_of_the_model_can_be_read() -> None:
    for data_type in CustomField.DataType.values:
        assert read_value(_field(data_type), None, now=NOW) is None
        assert read_value(_field(data_type), "2065550123", now=NOW) is not None


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(CustomField.DataType.values), _json)
def test_whatever_comes_is_read_or_refused(data_type: str, value: object) -> None:
    with suppress(FieldError):
        read = read_value(_field(data_type), value, now=NOW)
        assert read is None or isinstance(read, str | int | float | list)

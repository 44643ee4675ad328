from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads import fields
from leads.fields import FieldError, MoneyRange

NOW = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)  # a Tuesday


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("(206) 555-0123", "+12065550123"),
        ("206.555.0123 ext 5", "+12065550123"),
        ("(206) 555–0123", "+12065550123"),
        ("1 206 555 0123", "+12065550123"),
        (2065550123, "+12065550123"),
        ("+15551234567", "+15551234567"),
        ("+44 20 7946 0958", "+442079460958"),
    ],
)
def test_phone_becomes_e164(typed: object, expected: str) -> None:
    assert fields.parse_phone(typed) == expected


def test_phone_is_read_as_dialled_in_its_region() -> None:
    assert fields.parse_phone("020 7946 0958", region="GB") == "+442079460958"


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("", "The phone number is empty."),
        ("call me", "This is not a phone number. Write it like (206) 555-0123 or +12065550123."),
        (
            "555-0123",
            "This phone number has too few digits. Write it with its area code, like (206) 555-0123.",
        ),
        ("1234567890123456", "This phone number has too many digits. A US number has ten: (206) 555-0123."),
        ("+1 123 456 7890", "No phone can have this number. Check the area code and the country code."),
        ("206 123 4567", "No phone can have this number. Check the area code and the country code."),
        ("+44 9999 999 999", "No phone can have this number. Check the area code and the country code."),
        (True, "This is not a phone number. Write it as text."),
        (["206"], "This is not a phone number. Write it as text."),
        ("2" * 201, "This is too long for a phone number."),
    ],
)
def test_phone_says_how_to_mend_it(typed: object, message: str) -> None:
    with pytest.raises(FieldError) as error:
        fields.parse_phone(typed)

    assert error.value.message == message
    assert error.value.code == "field"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("Ana@Example.COM", "ana@example.com"),
        ("Ana B. <ana@mail.example.co>", "ana@mail.example.co"),
        ("mailto:a@b.com", "a@b.com"),
        (" a+homes@b.com. ", "a+homes@b.com"),
        ("josé@exámple.com", "josé@xn--exmple-qta.com"),
    ],
)
def test_email_is_normalised(typed: str, expected: str) -> None:
    assert fields.parse_email(typed) == expected


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("ana.example.com", "An e-mail address has one @, like ana@example.com."),
        ("a@@b.com", "An e-mail address has one @, like ana@example.com."),
        ("a b@c.com", "An e-mail address has no spaces or commas, like ana@example.com."),
        ("a@b,com", "An e-mail address has no spaces or commas, like ana@example.com."),
        ("a@b", "The part after the @ is not a mail domain, like example.com."),
        ("a@b..com", "The part after the @ is not a mail domain, like example.com."),
        ("a@-b.com", "The part after the @ is not a mail domain, like example.com."),
        ("@b.com", "The part before the @ has a character no mailbox can have."),
        ("a..b@c.com", "The part before the @ has a character no mailbox can have."),
        ("a" * 65 + "@c.com", "The part before the @ has a character no mailbox can have."),
        (None, "This is not an e-mail address. Write it as text."),
        (" ", "The e-mail address is empty."),
    ],
)
def test_email_says_how_to_mend_it(typed: object, message: str) -> None:
    with pytest.raises(FieldError) as error:
        fields.parse_email(typed)

    assert error.value.message == message


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("$580k", "580000.00"),
        ("580K", "580000.00"),
        ("half a million", "500000.00"),
        ("1.2M", "1200000.00"),
        ("$580,000", "580000.00"),
        ("$ 580,000.00 USD", "580000.00"),
        ("580.000", "580000.00"),
        ("$1.200", "1200.00"),
        ("580 mil", "580000.00"),
        ("medio millón", "500000.00"),
        ("un millón y medio", "1500000.00"),
        ("quinientos mil", "500000.00"),
        ("quinientos ochenta mil dólares", "580000.00"),
        ("five hundred eighty thousand", "580000.00"),
        ("two hundred and fifty thousand dollars", "250000.00"),
        ("one and a half million", "1500000.00"),
        ("a million and a half", "1500000.00"),
        ("three quarters of a million", "750000.00"),
        ("quarter million", "250000.00"),
        ("a million", "1000000.00"),
        ("about 450k", "450000.00"),
        ("750 grand", "750000.00"),
        ("12 dollars", "12.00"),
        (580000, "580000.00"),
        (5.5, "5.50"),
        (Decimal(7), "7.00"),
    ],
)
def test_money_reads_one_amount(typed: object, expected: str) -> None:
    assert str(fields.parse_money(typed)) == expected


@pytest.mark.parametrize(
    ("typed", "low", "high"),
    [
        ("500-600k", 500_000, 600_000),
        ("$500k to $600k", 500_000, 600_000),
        ("from 500k to 600k", 500_000, 600_000),
        ("between 500k and 600k", 500_000, 600_000),
        ("entre 500 y 600 mil", 500_000, 600_000),
        ("$450,000 - $1.1M", 450_000, 1_100_000),
        ("up to 1.2M", None, 1_200_000),
        ("hasta 600 mil", None, 600_000),
        ("600k+", 600_000, None),
        ("over $300,000", 300_000, None),
        ("desde 300 mil", 300_000, None),
        ("580k", 580_000, 580_000),
    ],
)
def test_money_reads_a_range(typed: str, low: int | None, high: int | None) -> None:
    expected = MoneyRange(None if low is None else Decimal(low), None if high is None else Decimal(high))

    assert fields.parse_money_range(typed) == expected


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("500-600k", "This is a range of money. Write one amount, like $580,000."),
        ("up to 600k", "This is a range of money. Write one amount, like $580,000."),
        (
            "600k-500k",
            "The first amount of the range is larger than the second. Write it like $500,000-$600,000.",
        ),
        ("a lot", "This is not an amount of money. Write it like $580,000, 580k or 1.2M."),
        ("1e5", "This is not an amount of money. Write it like $580,000, 580k or 1.2M."),
        ("1,2,3", "This is not an amount of money. Write it like $580,000, 580k or 1.2M."),
        ("500k and more", "This is not an amount of money. Write it like $580,000, 580k or 1.2M."),
        ("-5", "An amount of money cannot be negative. Write it like $580,000."),
        (-5, "An amount of money cannot be negative. Write it like $580,000."),
        (float("nan"), "An amount of money cannot be negative. Write it like $580,000."),
        (float("inf"), "An amount of money cannot be negative. Write it like $580,000."),
        ("9999999999999999", "This amount is too large. Check for extra digits."),
        (False, "This is not an amount of money. Write it as text."),
        ("", "The amount of money is empty."),
    ],
)
def test_money_says_how_to_mend_it(typed: object, message: str) -> None:
    with pytest.raises(FieldError) as error:
        fields.parse_money(typed)

    assert error.value.message == message


@given(st.integers(min_value=0, max_value=10**9))
def test_money_reads_back_every_way_of_writing_a_sum(dollars: int) -> None:
    for typed in (str(dollars), f"${dollars:,}", f"{dollars:,}.00", f"$ {dollars} dollars"):
        assert fields.parse_money(typed) == dollars


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("2026-03-31", "2026-03-31T00:00:00+00:00"),
        ("2026-03-31T10:00:00Z", "2026-03-31T10:00:00+00:00"),
        ("2026-03-31T10:00:00+05:30", "2026-03-31T04:30:00+00:00"),
        ("3/31/2026", "2026-03-31T00:00:00+00:00"),
        ("3/31/26", "2026-03-31T00:00:00+00:00"),
        ("3-31-2026", "2026-03-31T00:00:00+00:00"),
        ("3/31/2026 2:30 pm", "2026-03-31T14:30:00+00:00"),
        ("3/31/2026 12:05 am", "2026-03-31T00:05:00+00:00"),
        ("3/31/2026, 14:30", "2026-03-31T14:30:00+00:00"),
        ("3/5", "2027-03-05T00:00:00+00:00"),
        ("June 5", "2026-06-05T00:00:00+00:00"),
        ("Jun 5th, 2027", "2027-06-05T00:00:00+00:00"),
        ("5 June", "2026-06-05T00:00:00+00:00"),
        ("June 2027", "2027-06-01T00:00:00+00:00"),
        ("by June", "2026-06-01T00:00:00+00:00"),
        ("january", "2027-01-01T00:00:00+00:00"),
        ("5 de junio de 2027", "2027-06-05T00:00:00+00:00"),
        ("next week", "2026-03-17T00:00:00+00:00"),
        ("next month", "2026-04-10T00:00:00+00:00"),
        ("next year", "2027-03-10T00:00:00+00:00"),
        ("next friday", "2026-03-13T00:00:00+00:00"),
        ("next tuesday", "2026-03-17T00:00:00+00:00"),
        ("next June", "2026-06-01T00:00:00+00:00"),
        ("next spring", "2027-03-01T00:00:00+00:00"),
        ("in 3 weeks", "2026-03-31T00:00:00+00:00"),
        ("in 2-3 months", "2026-06-10T00:00:00+00:00"),
        ("a couple of weeks", "2026-03-24T00:00:00+00:00"),
        ("within 10 days", "2026-03-20T00:00:00+00:00"),
        ("2 weeks ago", "2026-02-24T00:00:00+00:00"),
        ("hace 3 días", "2026-03-07T00:00:00+00:00"),
        ("en 3 semanas", "2026-03-31T00:00:00+00:00"),
        ("dentro de dos meses", "2026-05-10T00:00:00+00:00"),
        ("el próximo mes", "2026-04-10T00:00:00+00:00"),
        ("la semana que viene", "2026-03-17T00:00:00+00:00"),
        ("fin de mes", "2026-03-31T00:00:00+00:00"),
        ("end of the month", "2026-03-31T00:00:00+00:00"),
        ("end of the year", "2026-12-31T00:00:00+00:00"),
        ("this weekend", "2026-03-15T00:00:00+00:00"),
        ("this thursday", "2026-03-12T00:00:00+00:00"),
        ("this summer", "2026-06-01T00:00:00+00:00"),
        ("friday", "2026-03-13T00:00:00+00:00"),
        ("today", "2026-03-10T00:00:00+00:00"),
        ("tomorrow", "2026-03-11T00:00:00+00:00"),
        ("pasado mañana", "2026-03-12T00:00:00+00:00"),
        ("yesterday", "2026-03-09T00:00:00+00:00"),
        ("otoño", "2026-09-01T00:00:00+00:00"),
        ("1700000000", "2023-11-14T22:13:20+00:00"),
        (1700000000000, "2023-11-14T22:13:20+00:00"),
        (date(2026, 5, 1), "2026-05-01T00:00:00+00:00"),
        (datetime(2026, 5, 1, 8), "2026-05-01T08:00:00+00:00"),  # noqa: DTZ001 a naive one is what is tested
    ],
)
def test_when_reads_dates(typed: object, expected: str) -> None:
    assert fields.parse_when(typed, now=NOW).isoformat() == expected


def test_date_is_the_day_of_the_moment() -> None:
    assert fields.parse_date("2026-03-31T23:30:00-05:00", now=NOW) == date(2026, 4, 1)


@pytest.mark.parametrize(
    "typed", ["soon", "13/45/2026", "2026-02-30", "in 999999999 years", "3/31/2026 noon"]
)
def test_when_refuses_what_is_no_date(typed: str) -> None:
    with pytest.raises(FieldError) as error:
        fields.parse_when(typed, now=NOW)

    assert error.value.message == 'This is not a date. Write it like 2026-03-31, 3/31/2026 or "in 3 weeks".'


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("3/31/2026 25:00", "The time of day does not exist. Write it like 14:30 or 2:30 pm."),
        ("0001-01-01", "The year is out of range. Write the date like 2026-03-31."),
        ("1/1/2999", "The year is out of range. Write the date like 2026-03-31."),
        (float("inf"), "This number is not a date. Write the date like 2026-03-31."),
        ("", "The date is empty."),
        (True, "This is not a date. Write it as text."),
    ],
)
def test_when_says_how_to_mend_it(typed: object, message: str) -> None:
    with pytest.raises(FieldError) as error:
        fields.parse_when(typed, now=NOW)

    assert error.value.message == message


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(typed: str) -> None:
    for read in (
        fields.parse_phone,
        fields.parse_email,
        fields.parse_money,
        lambda value: fields.parse_when(value, now=NOW),
    ):
        with contextlib.suppress(FieldError):
            read(typed)


@given(st.dates(min_value=date(1950, 1, 1), max_value=date(2150, 1, 1)))
def test_a_date_reads_back_however_it_is_written(day: date) -> None:
    for typed in (
        day.isoformat(),
        f"{day.month}/{day.day}/{day.year}",
        f"{day:%B} {day.day}, {day.year}",
        f"{day.day} {day:%b} {day.year}",
    ):
        assert fields.parse_date(typed, now=NOW) == day


def test_amounts_are_found_in_running_text() -> None:
    text = fields.fold("Saw it at $450,000, we can do 430k or €… rent is 2,500 a month, unit 12, in 2026")

    found = [(a.value, a.monthly) for a in fields.amounts_in(text)]

    assert found == [(450_000.0, False), (430_000.0, False), (2_500.0, True)]


def test_dates_are_found_in_running_text() -> None:
    text = fields.fold("May I see it tomorrow? Our lease ends in May, we move by June 5 or in 3 weeks.")

    found = [m.day for m in fields.dates_in(text, NOW)]

    assert found == [date(2026, 3, 11), date(2026, 5, 1), date(2026, 6, 5), date(2026, 3, 31)]


def test_impossible_dates_in_running_text_are_passed_over() -> None:
    assert list(fields.dates_in("on 2/31 or 13/13/2026", NOW)) == []

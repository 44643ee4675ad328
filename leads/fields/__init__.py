"""Read what people type into forms and spreadsheets: phones, e-mail addresses, money and dates."""

from leads.fields.contact import parse_email, parse_phone
from leads.fields.dates import CALENDAR, DateMention, dates_in, parse_date, parse_when
from leads.fields.money import (
    Amount,
    MoneyRange,
    amounts_in,
    parse_money,
    parse_money_range,
)
from leads.fields.typed import FieldError, fold, parse_text

__all__ = [
    "CALENDAR",
    "Amount",
    "DateMention",
    "FieldError",
    "MoneyRange",
    "amounts_in",
    "dates_in",
    "fold",
    "parse_date",
    "parse_email",
    "parse_money",
    "parse_money_range",
    "parse_phone",
    "parse_text",
    "parse_when",
]

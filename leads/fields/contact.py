"""Phones to E.164 and e-mail addresses to lower case."""

from __future__ import annotations

import re

import phonenumbers

from leads.fields.typed import FieldError, typed_text


def parse_phone(value: object, *, region: str = "US") -> str:
    """Return the number in E.164, reading it as dialled in `region`."""
    text = typed_text(value, "phone number")
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        raise FieldError(
            "This is not a phone number. Write it like (206) 555-0123 or +12065550123."
        ) from None
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason == phonenumbers.ValidationResult.TOO_LONG:
        raise FieldError("This phone number has too many digits. A US number has ten: (206) 555-0123.")
    if reason != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise FieldError(
            "This phone number has too few digits. Write it with its area code, like (206) 555-0123."
        )
    formatted = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    # Fictional area codes such as 555 are kept: only the shape of the numbering plan is asked for.
    valid = _NANP.fullmatch(formatted) if number.country_code == 1 else phonenumbers.is_valid_number(number)
    if not valid:
        raise FieldError("No phone can have this number. Check the area code and the country code.")
    return formatted


_NANP = re.compile(r"\+1(?:555\d{7}|[2-9]\d{2}[2-9]\d{6})")


def parse_email(value: object) -> str:
    """Return the address in lower case, without a display name."""
    text = typed_text(value, "e-mail address", limit=320)
    named = re.fullmatch(r"[^<>]*<([^<>]+)>", text)
    text = (named[1] if named else text).strip().removeprefix("mailto:").strip(" .;,")
    if text.count("@") != 1:
        raise FieldError("An e-mail address has one @, like ana@example.com.")
    local, _, host = text.partition("@")
    if "," in host or " " in text:
        raise FieldError("An e-mail address has no spaces or commas, like ana@example.com.")
    try:
        host = host.lower().encode("idna").decode("ascii")
    except UnicodeError:
        raise FieldError("The part after the @ is not a mail domain, like example.com.") from None
    if not _HOST.fullmatch(host):
        raise FieldError("The part after the @ is not a mail domain, like example.com.")
    if not _LOCAL.fullmatch(local) or len(local) > 64:
        raise FieldError("The part before the @ has a character no mailbox can have.")
    return f"{local.lower()}@{host}"


_LOCAL = re.compile(r"[^\s@<>()\[\]\\,;:\".]+(?:\.[^\s@<>()\[\]\\,;:\".]+)*")
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{1,59})")

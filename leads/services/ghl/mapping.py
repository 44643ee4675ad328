"""Who and what in GoHighLevel is whom and what here: users, custom fields, qualification answers."""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.db import transaction
from django.db.models.functions import Lower

from leads.errors import DomainError
from leads.ghl.records import CustomFieldRecord
from leads.models import CustomField, Membership, Tenant
from leads.models.tenants import TEAM_ROLES
from leads.services.ghl.connection import client_for

ANSWERS = {
    "budget": "Budget",
    "location": "Where they want to live",
    "timeline": "When they want to move",
    "property": "What they look for",
    "financing": "How they pay",
    "motivation": "Why they move",
    "condition": "State of the home",
}
"""The seven qualification questions a custom field can answer."""

_HINTS = (
    ("budget", r"budget|price|afford|spend|how much"),
    ("timeline", r"timeline|time ?frame|when|how soon|move.?(in|by)|move date|ready"),
    ("financing", r"financ|pre.?approv|lender|loan|mortgage|cash|credit|pay(ing)?\b|down ?payment"),
    ("condition", r"condition|repairs?|renovat|state of (the|your) home|age of (the )?roof"),
    ("motivation", r"motivat|reason|why|goal"),
    (
        "property",
        r"bed|bath|property type|home type|type of (home|property)|square|sq.? ?ft|feature|looking for",
    ),
    ("location", r"location|area|neighbou?rhood|city|zip|school|where"),
)


def guess_answer(name: str) -> str:
    """Return the question a field's name suggests, if any."""
    lowered = name.lower()
    return next((answer for answer, pattern in _HINTS if re.search(rf"\b(?:{pattern})", lowered)), "")


def refresh_custom_fields(*, tenant: Tenant) -> list[CustomField]:
    """Bring our list of the custom fields up to date; a new one gets the answer its name suggests."""
    return keep_custom_fields(tenant=tenant, records=client_for(tenant).list_custom_fields())


@transaction.atomic
def keep_custom_fields(*, tenant: Tenant, records: tuple[CustomFieldRecord, ...]) -> list[CustomField]:
    """Keep fields as GoHighLevel describes them; what an admin mapped stays."""
    Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
    known = {row.ghl_id: row for row in CustomField.objects.filter(tenant=tenant)}
    taken = {row.key for row in known.values()}
    types = set(CustomField.DataType.values)
    for record in records:
        row = known.get(record.id)
        if row is None:
            row = CustomField(
                tenant=tenant,
                ghl_id=record.id,
                key=_free_key(record, taken),
                answers=guess_answer(record.name),
            )
            known[record.id] = row
        row.name = record.name
        row.data_type = record.data_type if record.data_type in types else CustomField.DataType.TEXT
        row.options = list(record.options)
        row.save()
    return sorted(known.values(), key=lambda row: row.name.lower())


def _free_key(record: CustomFieldRecord, taken: set[str]) -> str:
    """Return the field's key in GoHighLevel, made unlike the others."""
    base = re.sub(r"[^a-z0-9_]+", "_", record.key.removeprefix("contact.").lower()).strip("_")[:90]
    base = base or "field"
    key, number = base, 2
    while key in taken:
        key, number = f"{base}_{number}", number + 1
    taken.add(key)
    return key


@transaction.atomic
def set_field_answers(*, tenant: Tenant, answers: Mapping[int, str]) -> int:
    """Say which custom field answers which question; return how many changed."""
    unknown = set(answers.values()) - set(ANSWERS) - {""}
    if unknown:
        raise DomainError("One of the answers is not a qualification question.", "unknown_answer")
    changed = 0
    for row in CustomField.objects.select_for_update().filter(tenant=tenant, pk__in=answers).order_by("pk"):
        if row.answers != answers[row.pk]:
            row.answers = answers[row.pk]
            row.save(update_fields=["answers"])
            changed += 1
    return changed


def match_users(*, tenant: Tenant) -> int:
    """Learn the GoHighLevel ids of the team by their e-mail addresses; return how many were learned."""
    by_email = {user.email: user.id for user in client_for(tenant).list_users() if user.email}
    members = (
        Membership.objects.filter(tenant=tenant, role__in=TEAM_ROLES, ghl_user_id="")
        .annotate(email=Lower("user__email"))
        .filter(email__in=by_email)
    )
    return sum(
        Membership.objects.filter(pk=member.pk, ghl_user_id="").update(ghl_user_id=by_email[member.email])
        for member in members
    )

"""The closed list of event kinds."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """A dotted, past-tense name for one sort of fact."""

    CONTACT_CREATED = "contact.created"
    CONTACT_UPDATED = "contact.updated"
    CONTACT_DELETED = "contact.deleted"
    CONTACT_TAGGED = "contact.tagged"
    CONTACT_UNTAGGED = "contact.untagged"
    CONSENT_CHANGED = "consent.changed"

    MESSAGE_RECEIVED = "message.received"
    MESSAGE_SENT = "message.sent"
    MESSAGE_FAILED = "message.failed"
    CALL_RECEIVED = "call.received"
    CALL_MADE = "call.made"
    CALL_MISSED = "call.missed"
    VOICEMAIL_RECEIVED = "voicemail.received"
    VOICE_AI_CALL_ENDED = "voice_ai.call_ended"
    CONVERSATION_READ = "conversation.read"

    EMAIL_DELIVERED = "email.delivered"
    EMAIL_OPENED = "email.opened"
    EMAIL_CLICKED = "email.clicked"
    EMAIL_BOUNCED = "email.bounced"
    EMAIL_COMPLAINED = "email.complained"
    EMAIL_UNSUBSCRIBED = "email.unsubscribed"

    APPOINTMENT_BOOKED = "appointment.booked"
    APPOINTMENT_CONFIRMED = "appointment.confirmed"
    APPOINTMENT_RESCHEDULED = "appointment.rescheduled"
    APPOINTMENT_CANCELLED = "appointment.cancelled"
    APPOINTMENT_SHOWED = "appointment.showed"
    APPOINTMENT_MISSED = "appointment.missed"

    OPPORTUNITY_CREATED = "opportunity.created"
    OPPORTUNITY_MOVED = "opportunity.moved"
    OPPORTUNITY_VALUED = "opportunity.valued"
    OPPORTUNITY_ASSIGNED = "opportunity.assigned"
    OPPORTUNITY_WON = "opportunity.won"
    OPPORTUNITY_LOST = "opportunity.lost"
    OPPORTUNITY_ABANDONED = "opportunity.abandoned"
    OPPORTUNITY_REOPENED = "opportunity.reopened"
    OPPORTUNITY_DELETED = "opportunity.deleted"

    TASK_CREATED = "task.created"
    TASK_COMPLETED = "task.completed"
    TASK_DELETED = "task.deleted"
    NOTE_ADDED = "note.added"
    NOTE_CHANGED = "note.changed"
    NOTE_DELETED = "note.deleted"
    CAMPAIGN_CHANGED = "campaign.changed"

    FORM_SUBMITTED = "form.submitted"
    SURVEY_SUBMITTED = "survey.submitted"
    LINK_CLICKED = "link.clicked"
    PAGE_VIEWED = "page.viewed"
    LISTING_VIEWED = "listing.viewed"
    LISTING_SAVED = "listing.saved"
    LISTING_SHARED = "listing.shared"
    LISTING_UNSAVED = "listing.unsaved"
    LISTING_DISMISSED = "listing.dismissed"
    SEARCH_SAVED = "search.saved"
    CRITERIA_CHANGED = "criteria.changed"
    SHOWING_REQUESTED = "showing.requested"
    VALUATION_REQUESTED = "valuation.requested"
    ORDER_PLACED = "order.placed"
    INVOICE_PAID = "invoice.paid"

    LEAD_ASSIGNED = "lead.assigned"
    LEAD_MERGED = "lead.merged"
    LEAD_UNMERGED = "lead.unmerged"
    LEAD_ENRICHED = "lead.enriched"
    LEAD_MARKED = "lead.marked"
    LEAD_SCORED = "lead.scored"
    LEAD_OVERRIDDEN = "lead.overridden"
    LEAD_OVERRIDE_WITHDRAWN = "lead.override_withdrawn"
    LEAD_AT_RISK = "lead.at_risk"
    LISTING_MATCHED = "listing.matched"
    LISTING_SENT = "listing.sent"
    ALERT_TRIGGERED = "alert.triggered"
    ALERT_ACKNOWLEDGED = "alert.acknowledged"
    ALERT_ESCALATED = "alert.escalated"
    LISTING_ADDED = "listing.added"
    LISTING_CHANGED = "listing.changed"
    MARKET_UPDATED = "market.updated"
    MODEL_CHANGED = "model.changed"
    THRESHOLDS_CHANGED = "thresholds.changed"
    WEIGHTS_CHANGED = "weights.changed"
    EXPERIMENT_STARTED = "experiment.started"
    EXPERIMENT_ENDED = "experiment.ended"
    TENANT_INSTALLED = "tenant.installed"
    TENANT_UNINSTALLED = "tenant.uninstalled"


class Mark(StrEnum):
    """What an agent says became of a lead, where the CRM does not."""

    WON = "won"
    LOST = "lost"
    OPEN = "open"


MARK_LABELS = {Mark.WON: "Closed", Mark.LOST: "Lost", Mark.OPEN: "Still open"}

CONCLUSIONS: frozenset[Kind] = frozenset(
    {
        Kind.LEAD_SCORED,
        Kind.LEAD_OVERRIDDEN,
        Kind.LEAD_OVERRIDE_WITHDRAWN,
        Kind.LEAD_AT_RISK,
        Kind.LISTING_MATCHED,
        Kind.LISTING_SENT,
        Kind.ALERT_TRIGGERED,
        Kind.ALERT_ACKNOWLEDGED,
        Kind.ALERT_ESCALATED,
        Kind.LISTING_ADDED,
        Kind.LISTING_CHANGED,
        Kind.MARKET_UPDATED,
        Kind.MODEL_CHANGED,
        Kind.THRESHOLDS_CHANGED,
        Kind.WEIGHTS_CHANGED,
        Kind.EXPERIMENT_STARTED,
        Kind.EXPERIMENT_ENDED,
        Kind.TENANT_INSTALLED,
        Kind.TENANT_UNINSTALLED,
        Kind.LEAD_ENRICHED,
    }
)
"""What Hearthline itself concluded or did; never fed back into a score."""

BEHAVIOR: frozenset[Kind] = frozenset(Kind) - CONCLUSIONS
"""What a lead did or said, or what was done with them: the engines learn from these."""

SELF_SERVICE: frozenset[Kind] = frozenset(
    {
        Kind.FORM_SUBMITTED,
        Kind.LINK_CLICKED,
        Kind.PAGE_VIEWED,
        Kind.LISTING_VIEWED,
        Kind.LISTING_SAVED,
        Kind.LISTING_SHARED,
        Kind.LISTING_UNSAVED,
        Kind.LISTING_DISMISSED,
        Kind.SHOWING_REQUESTED,
        Kind.VALUATION_REQUESTED,
        Kind.NOTE_ADDED,
        Kind.CALL_RECEIVED,
        Kind.CALL_MADE,
        Kind.MESSAGE_RECEIVED,
        Kind.MESSAGE_SENT,
    }
)
"""What a program may record through the API."""

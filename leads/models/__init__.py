"""Rows of the ground: tenants and people, leads, events, conversations, alerts, live messages."""

from leads.models.alerts import Alert, AlertDelivery, AlertSettings, Notification
from leads.models.conversations import Conversation, Message
from leads.models.events import Consumed, DeadLetter, Event, EventKey
from leads.models.ghl import ContactEdit, GHLConnection, WebhookDelivery, WorkflowSecret
from leads.models.imports import LeadImport
from leads.models.leads import CustomField, Enrichment, Identity, Lead, LeadMerge
from leads.models.live import LiveCursor, LiveMessage
from leads.models.ml import FeatureState, ModelRun, ModelVersion
from leads.models.tenants import APIKey, Invitation, Membership, Role, Tenant, User, UserSession

__all__ = [
    "APIKey",
    "Alert",
    "AlertDelivery",
    "AlertSettings",
    "Consumed",
    "ContactEdit",
    "Conversation",
    "CustomField",
    "DeadLetter",
    "Enrichment",
    "Event",
    "EventKey",
    "FeatureState",
    "GHLConnection",
    "Identity",
    "Invitation",
    "Lead",
    "LeadImport",
    "LeadMerge",
    "LiveCursor",
    "LiveMessage",
    "Membership",
    "Message",
    "ModelRun",
    "ModelVersion",
    "Notification",
    "Role",
    "Tenant",
    "User",
    "UserSession",
    "WebhookDelivery",
    "WorkflowSecret",
]

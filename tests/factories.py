"""Rows for tests; what belongs together shares a tenant."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from datetime import timedelta

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from leads import models
from leads.events import Kind
from scoring.models import Experiment
from scoring.services import Wanted


class TenantFactory(DjangoModelFactory):
    class Meta:
        model = models.Tenant

    location_id = factory.Sequence(lambda n: f"loc{n:017d}")
    name = factory.Sequence(lambda n: f"Brokerage {n}")


class UserFactory(DjangoModelFactory):
    class Meta:
        model = models.User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"person{n}@example.com")
    name = factory.Sequence(lambda n: f"Person {n}")
    password = factory.django.Password("correct horse battery")


class MembershipFactory(DjangoModelFactory):
    class Meta:
        model = models.Membership

    user = factory.SubFactory(UserFactory)
    tenant = factory.SubFactory(TenantFactory)
    role = models.Role.AGENT


class InvitationFactory(DjangoModelFactory):
    class Meta:
        model = models.Invitation

    tenant = factory.SubFactory(TenantFactory)
    email = factory.Sequence(lambda n: f"invited{n}@example.com")
    role = models.Role.AGENT
    token_digest = factory.Sequence(lambda n: f"{n:064x}")
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=7))


class LeadFactory(DjangoModelFactory):
    class Meta:
        model = models.Lead

    tenant = factory.SubFactory(TenantFactory)
    contact_id = factory.Sequence(lambda n: f"contact{n:013d}")
    first_name = factory.Sequence(lambda n: f"First{n}")
    last_name = factory.Sequence(lambda n: f"Last{n}")
    email = factory.Sequence(lambda n: f"lead{n}@example.net")


class IdentityFactory(DjangoModelFactory):
    class Meta:
        model = models.Identity

    tenant = factory.SelfAttribute("lead.tenant")
    lead = factory.SubFactory(LeadFactory)
    kind = models.Identity.Kind.EMAIL
    value = factory.Sequence(lambda n: f"identity{n}@example.net")


class CustomFieldFactory(DjangoModelFactory):
    class Meta:
        model = models.CustomField

    tenant = factory.SubFactory(TenantFactory)
    ghl_id = factory.Sequence(lambda n: f"field{n:015d}")
    key = factory.Sequence(lambda n: f"field_{n}")
    name = factory.Sequence(lambda n: f"Field {n}")


class EventFactory(DjangoModelFactory):
    class Meta:
        model = models.Event

    tenant = factory.SelfAttribute("lead.tenant")
    lead = factory.SubFactory(LeadFactory)
    kind = Kind.MESSAGE_RECEIVED
    source = models.Event.Source.GHL
    occurred_at = factory.LazyFunction(timezone.now)


class ConversationFactory(DjangoModelFactory):
    class Meta:
        model = models.Conversation

    tenant = factory.SelfAttribute("lead.tenant")
    lead = factory.SubFactory(LeadFactory)
    ghl_id = factory.Sequence(lambda n: f"conversation{n:08d}")


class MessageFactory(DjangoModelFactory):
    class Meta:
        model = models.Message

    tenant = factory.SelfAttribute("conversation.tenant")
    lead = factory.SelfAttribute("conversation.lead")
    conversation = factory.SubFactory(ConversationFactory)
    ghl_id = factory.Sequence(lambda n: f"message{n:013d}")
    direction = models.Message.Direction.INBOUND
    channel = "SMS"
    body = "Is the house on Elm Street still for sale?"
    sent_at = factory.LazyFunction(timezone.now)


class AlertFactory(DjangoModelFactory):
    class Meta:
        model = models.Alert

    tenant = factory.SelfAttribute("lead.tenant")
    lead = factory.SubFactory(LeadFactory)
    kind = "hot_lead"
    reason = "The score rose above the hot line."
    dedupe_key = factory.Sequence(lambda n: f"alert-{n}")
    event_at = factory.LazyFunction(timezone.now)
    goal_at = factory.LazyAttribute(lambda alert: alert.event_at + timedelta(minutes=5))


class NotificationFactory(DjangoModelFactory):
    class Meta:
        model = models.Notification

    tenant = factory.SubFactory(TenantFactory)
    user = factory.SubFactory(UserFactory)
    text = "A lead turned hot."


class WebhookDeliveryFactory(DjangoModelFactory):
    class Meta:
        model = models.WebhookDelivery

    webhook_id = factory.Sequence(lambda n: f"webhook-{n}")
    tenant = factory.SubFactory(TenantFactory)
    location_id = factory.SelfAttribute("tenant.location_id")
    type = "ContactCreate"
    body = "{}"


class GHLConnectionFactory(DjangoModelFactory):
    class Meta:
        model = models.GHLConnection

    tenant = factory.SubFactory(TenantFactory)
    user_type = models.GHLConnection.UserType.LOCATION
    access_token = "access-token-of-a-test"
    refresh_token = "refresh-token-of-a-test"
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(hours=20))


class LiveMessageFactory(DjangoModelFactory):
    class Meta:
        model = models.LiveMessage

    tenant = factory.SubFactory(TenantFactory)
    number = factory.Sequence(lambda n: n + 1)
    type = models.LiveMessage.Type.SCORE_UPDATE
    event_at = factory.LazyFunction(timezone.now)


class ModelVersionFactory(DjangoModelFactory):
    class Meta:
        model = models.ModelVersion

    tenant = factory.SubFactory(TenantFactory)
    engine = models.ModelVersion.Engine.SCORES
    name = factory.Sequence("scores-0001-20260601-{:07d}".format)
    target = "closing"
    kind = "trees 3×200"
    feature_version = "1"
    features = factory.LazyFunction(list)
    leads = 120
    rows = 300
    positives = 40
    data_from = factory.LazyFunction(lambda: timezone.now() - timedelta(days=400))
    data_until = factory.LazyFunction(timezone.now)
    seed = 1
    metrics = factory.LazyFunction(dict)
    artifact = b"figures"
    sha256 = hashlib.sha256(b"figures").hexdigest()


class ExperimentFactory(DjangoModelFactory):
    """An experiment with tiers that begin lower, not yet started."""

    class Meta:
        model = Experiment

    tenant = factory.SubFactory(TenantFactory)
    name = "Sooner hot"
    tries = Experiment.Tries.TIERS
    target = Experiment.Target.CLOSING
    cuts = factory.LazyFunction(lambda: {"hot": 60.0, "warm": 40.0, "steady": 20.0})
    plan = factory.LazyFunction(lambda: asdict(Wanted(0.1, 0.05, 10.0).planned()))

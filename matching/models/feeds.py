"""Where listings come from."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from leads.crypto import EncryptedTextField
from leads.models import Tenant, User


class Feed(models.Model):
    """A RESO Web API server a tenant may replicate, and how far that is."""

    class State(models.TextChoices):
        NEW = "new", "Not read yet"
        OK = "ok", "Up to date"
        FAILING = "failing", "Failing"
        OFF = "off", "Off"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="feeds", db_index=False)
    name = models.CharField(max_length=100, help_text="As sources are named on a page: the MLS.")
    url = models.CharField(max_length=500, help_text="Service root, the address before /Property.")
    token_url = models.CharField(max_length=500, blank=True, help_text="OAuth 2 client credentials.")
    client_id = EncryptedTextField(blank=True)
    client_secret = EncryptedTextField(blank=True)
    access_token = EncryptedTextField(blank=True, help_text="A bearer token, given or fetched.")
    token_expires_at = models.DateTimeField(null=True, blank=True)
    only = models.CharField(
        max_length=1000,
        blank=True,
        help_text="Further OData filter, for example PropertyType eq 'Residential'.",
    )
    page_size = models.PositiveIntegerField(default=500)
    minutes = models.PositiveIntegerField(default=10, help_text="Between two readings.")
    daily_quota = models.PositiveIntegerField(
        null=True, blank=True, help_text="Requests a day; empty is any."
    )
    disclaimer = models.CharField(max_length=1000, blank=True, help_text="Shown wherever its listings are.")

    state = models.CharField(max_length=7, choices=State.choices, default=State.NEW)
    cursors = models.JSONField(
        default=dict, blank=True, help_text="Resource → newest ModificationTimestamp that was stored."
    )
    next_links = models.JSONField(
        default=dict,
        blank=True,
        help_text="Resource → {link, newest, ordered} to go on with after an interruption.",
    )
    can_expand = models.BooleanField(
        null=True, blank=True, help_text="Whether photos and open houses come with their listing."
    )
    lacks = models.JSONField(default=list, blank=True, help_text="Resources the server does not have.")
    requests_today = models.PositiveIntegerField(default=0)
    requests_on = models.DateField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True)
    due_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True, blank=True, help_text="When it was last read to the end.")
    reconciled_at = models.DateTimeField(null=True, blank=True, help_text="When keys were last compared.")
    made_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )

    class Meta:
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="feed_name_unique")]
        indexes = [models.Index(fields=["due_at"], name="feed_due")]

    def __str__(self) -> str:
        return self.name


class FeedRun(models.Model):
    """One reading of a feed, or of a file: what came, what was refused and why."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="feed_runs", db_index=False)
    feed = models.ForeignKey(
        Feed, on_delete=models.CASCADE, null=True, blank=True, related_name="runs", db_index=False
    )
    source = models.CharField(max_length=200, help_text="The feed's or the file's name.")
    digest = models.CharField(
        max_length=64, blank=True, help_text="Of a file and how it is read; tells a repeat."
    )
    done = models.PositiveIntegerField(
        default=0, help_text="Rows read; a resumed reading goes on after them."
    )
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    deleted = models.PositiveIntegerField(default=0, help_text="Known listings that were said to be deleted.")
    strays = models.PositiveIntegerField(default=0, help_text="Deletes of listings that were never known.")
    errors = models.JSONField(default=list, blank=True, help_text="[{row, key, field, what, mend}].")
    unknown = models.JSONField(default=dict, blank=True, help_text="Lookup → values the dictionary has not.")
    begun_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="feed_run_recent"),
            models.Index(fields=["feed", "-id"], name="feed_run_of_feed"),
        ]

    def __str__(self) -> str:
        return f"reading {self.pk}"


class ListingMapping(models.Model):
    """How the columns of one program's files are read, kept under a name for the next file."""

    tenant = models.ForeignKey(
        Tenant, on_delete=models.CASCADE, related_name="listing_mappings", db_index=False
    )
    name = models.CharField(max_length=100)
    columns = models.JSONField(default=dict, help_text="Column → RESO field; empty leaves it out.")
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="listing_mapping_unique"),
        ]

    def __str__(self) -> str:
        return self.name

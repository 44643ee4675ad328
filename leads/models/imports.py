from __future__ import annotations

from django.db import models
from django.utils import timezone

from leads.crypto import EncryptedTextField
from leads.models.tenants import Tenant, User


class LeadImport(models.Model):
    """A file of leads: how its columns are read, how far it is, and which rows could not be."""

    class State(models.TextChoices):
        PREVIEW = "preview", "Waiting for a look"
        RUNNING = "running", "Running"
        DONE = "done", "Complete"
        DISCARDED = "discarded", "Discarded"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="imports")
    by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    file_name = models.CharField(max_length=200)
    digest = models.CharField(max_length=64, help_text="Of the file and how it is read; tells a repeat.")
    content = EncryptedTextField(blank=True, help_text="The file, until the import ends.")
    mapping = models.JSONField(default=dict, blank=True, help_text="Column → field; empty leaves it out.")
    state = models.CharField(max_length=9, choices=State.choices, default=State.PREVIEW)
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0, help_text="Rows read; a resumed import goes on after them.")
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    errors = models.JSONField(default=list, blank=True, help_text="[{row, field, what, mend}]; no values.")
    leased_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["tenant", "-id"], name="import_recent")]

    def __str__(self) -> str:
        return f"import {self.pk}"

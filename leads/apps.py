from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class LeadsConfig(AppConfig):
    name = "leads"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the deploy checks, which need every setting to be read."""
        import_module("leads.ops.checks")

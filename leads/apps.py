from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig

from leads import arrays


class LeadsConfig(AppConfig):
    name = "leads"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the deploy checks and the bus's health, which need settings and models to be there."""
        arrays.register()
        import_module("leads.ops.checks")
        health = import_module("leads.ops.health")
        health.register_check("bus", import_module("leads.selectors.ops").check_bus)

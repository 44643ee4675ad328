"""The admin's tables of the ground."""

from leads.admin import events, leads, models, people, talk

__all__ = ["events", "leads", "models", "people", "talk"]

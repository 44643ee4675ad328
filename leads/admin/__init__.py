"""The admin's tables of the ground."""

from leads.admin import events, leads, people, talk

__all__ = ["events", "leads", "people", "talk"]

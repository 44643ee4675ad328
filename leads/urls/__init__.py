"""Addresses of the ground, joined from one list per part."""

from __future__ import annotations

from leads.urls import alerts, ghl, ops, people, pipes, portal

app_name = "leads"
urlpatterns = [
    *ghl.urlpatterns,
    *people.urlpatterns,
    *portal.urlpatterns,
    *alerts.urlpatterns,
    *pipes.urlpatterns,
    *ops.urlpatterns,
]

"""Addresses of scoring's pages, mounted under /agent/."""

from __future__ import annotations

from django.urls import path

from scoring import views

app_name = "scoring"
urlpatterns = [
    path("leads/<int:pk>/score/", views.lead_panel, name="lead-panel"),
]

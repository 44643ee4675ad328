"""Addresses of scoring's pages, mounted under /agent/."""

from __future__ import annotations

from django.urls import path

from scoring import views

app_name = "scoring"
urlpatterns = [
    path("leads/<int:pk>/score/", views.lead_panel, name="lead-panel"),
    path("scoring/", views.overview, name="overview"),
    path("scoring/models/", views.version_list, name="version-list"),
    path("scoring/models/train/", views.train, name="version-train"),
    path("scoring/models/roll-back/", views.roll_back_version, name="version-roll-back"),
    path("scoring/models/runs/<int:pk>/", views.run_progress, name="run"),
    path("scoring/models/<int:pk>/", views.version, name="version"),
    path("scoring/models/<int:pk>/preview/", views.preview_version, name="version-preview"),
    path("scoring/models/<int:pk>/publish/", views.publish_version, name="version-publish"),
    path("scoring/tiers/", views.tiers, name="tiers"),
    path("scoring/tiers/capacity/", views.set_capacity, name="capacity"),
]

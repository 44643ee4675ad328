"""The agent portal's own pages."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from leads.views import dashboard, edit, leads, merges, search, styleguide, system

urlpatterns: list[URLPattern | URLResolver] = [
    path("agent/", dashboard.show_dashboard, name="dashboard"),
    path("agent/bell/", dashboard.show_bell, name="alert-bell"),
    path("agent/leads/", leads.list_leads, name="lead-list"),
    path("agent/leads/export/", leads.export_leads, name="lead-export"),
    path("agent/leads/assign/", leads.assign_leads, name="lead-assign"),
    path("agent/leads/new/", leads.new_lead, name="lead-new"),
    path("agent/leads/<int:pk>/", leads.show_lead, name="lead-detail"),
    path("agent/leads/<int:pk>/edit/", edit.edit_lead, name="lead-edit"),
    path("agent/leads/<int:pk>/send/", edit.send_again, name="lead-send"),
    path("agent/leads/<int:pk>/merge/", merges.merge_lead, name="lead-merge"),
    path("agent/merges/<int:pk>/undo/", merges.undo_merge, name="lead-merge-undo"),
    path("agent/leads/<int:pk>/timeline/", leads.show_timeline, name="lead-timeline"),
    path("agent/leads/<int:pk>/mark/", leads.mark_outcome, name="lead-mark"),
    path("agent/leads/<int:pk>/notes/", leads.add_note, name="lead-note"),
    path("agent/system/", system.show_system, name="system"),
    path("search/", search.show_search, name="search"),
    path("styleguide/", styleguide.show_styleguide, name="styleguide"),
]

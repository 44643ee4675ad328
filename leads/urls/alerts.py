from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from leads.views import alerts

urlpatterns: list[URLPattern | URLResolver] = [
    path("agent/alerts/", alerts.alert_list, name="alert-list"),
    path("agent/alerts/rules/", alerts.rules, name="alert-rules"),
    path("agent/alerts/<int:pk>/acknowledge/", alerts.acknowledge, name="alert-acknowledge"),
]

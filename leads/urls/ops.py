from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from leads.views import ops

urlpatterns: list[URLPattern | URLResolver] = [
    path("health/live", ops.live, name="health-live"),
    path("health/ready", ops.ready, name="health-ready"),
    path("health/realtime", ops.realtime, name="health-realtime"),
    path("metrics", ops.show_metrics, name="metrics"),
]

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from leads.views import live

urlpatterns: list[URLPattern | URLResolver] = [
    path("live/since/", live.since, name="live-since"),
    path("live/stream/", live.stream, name="live-stream"),
]

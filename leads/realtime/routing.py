"""Addresses of WebSockets."""

from __future__ import annotations

from django.urls import path

from leads.realtime.consumers import LiveConsumer

urlpatterns = [path("ws/live/", LiveConsumer.as_asgi())]

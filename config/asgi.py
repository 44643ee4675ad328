"""ASGI: pages, API and streams by Django, WebSockets by Channels."""

from __future__ import annotations

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django_application = get_asgi_application()

from leads.realtime import wire  # noqa: E402  (Django must be set up first)
from leads.realtime.routing import urlpatterns  # noqa: E402

wire.install()

application = ProtocolTypeRouter({"http": django_application, "websocket": URLRouter(urlpatterns)})

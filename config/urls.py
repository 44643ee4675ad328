from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from matching.urls import links, pictures

handler500 = "leads.views.errors.server_error"
urlpatterns = [
    path("", include("leads.urls")),
    path("agent/", include("scoring.urls")),
    path("agent/", include("matching.urls")),
    path("h/", include(links)),
    path("pictures/", include(pictures)),
    path("api/", include("config.api")),
    path("admin/", admin.site.urls),
]

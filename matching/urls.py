"""Addresses of matching's pages, mounted under /agent/."""

from __future__ import annotations

from django.urls import path

from matching import views

app_name = "matching"
urlpatterns = [
    path("matching/market/", views.market, name="market"),
    path("matching/market/look/", views.look_at_market, name="market-look"),
    path("matching/market/import/", views.import_series, name="market-import"),
]

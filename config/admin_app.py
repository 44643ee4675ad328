"""The admin with our own site."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig


class HearthlineAdmin(AdminConfig):
    default_site = "leads.admin_site.HearthlineSite"

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from leads.ghl import webhooks

# Each door has its address with and without the last slash: a redirect would count as a failed delivery.
urlpatterns: list[URLPattern | URLResolver] = [
    path("webhooks/ghl/", webhooks.receive_webhook, name="webhook"),
    path("webhooks/ghl", webhooks.receive_webhook),
    path("webhooks/ghl/workflow/", webhooks.receive_workflow, name="workflow-webhook"),
    path("webhooks/ghl/workflow", webhooks.receive_workflow),
]

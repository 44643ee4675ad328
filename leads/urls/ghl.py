from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from leads.ghl import webhooks
from leads.views import deliveries, imports, integrations

# Each door has its address with and without the last slash: a redirect would count as a failed delivery.
urlpatterns: list[URLPattern | URLResolver] = [
    path("webhooks/ghl/", webhooks.receive_webhook, name="webhook"),
    path("webhooks/ghl", webhooks.receive_webhook),
    path("webhooks/ghl/workflow/", webhooks.receive_workflow, name="workflow-webhook"),
    path("webhooks/ghl/workflow", webhooks.receive_workflow),
    path("integrations/ghl/connect/", integrations.connect, name="ghl-connect"),
    path("integrations/ghl/callback/", integrations.callback, name="ghl-callback"),
    path("integrations/ghl/locations/", integrations.locations, name="ghl-locations"),
    path("integrations/ghl/locations/connect/", integrations.connect_new, name="ghl-connect-new"),
    path("integrations/ghl/locations/<int:pk>/join/", integrations.join_location, name="ghl-location-join"),
    path("agent/settings/integrations/", integrations.settings_ghl, name="settings-ghl"),
    path("agent/settings/integrations/test/", integrations.try_connection, name="ghl-test"),
    path("agent/settings/integrations/reconnect/", integrations.reconnect, name="ghl-reconnect"),
    path("agent/settings/integrations/disconnect/", integrations.disconnect, name="ghl-disconnect"),
    path("agent/settings/integrations/secret/", integrations.rotate_secret, name="workflow-secret-rotate"),
    path("agent/settings/integrations/fields/", integrations.map_fields, name="ghl-fields"),
    path("agent/settings/integrations/fields/read/", integrations.refresh_fields, name="ghl-fields-read"),
    path("agent/settings/integrations/back-fill/", integrations.backfill_progress, name="backfill"),
    path("agent/settings/integrations/back-fill/start/", integrations.start_backfill, name="backfill-start"),
    path("agent/settings/integrations/back-fill/stop/", integrations.stop_backfill, name="backfill-stop"),
    path("agent/settings/import/", imports.import_leads, name="lead-import"),
    path("agent/settings/import/<int:pk>/", imports.import_detail, name="lead-import-detail"),
    path("agent/settings/import/<int:pk>/columns/", imports.map_columns, name="lead-import-columns"),
    path("agent/settings/import/<int:pk>/start/", imports.start_import, name="lead-import-start"),
    path("agent/settings/import/<int:pk>/discard/", imports.discard_import, name="lead-import-discard"),
    path("agent/settings/import/<int:pk>/errors.csv", imports.import_errors, name="lead-import-errors"),
    path("agent/settings/webhooks/", deliveries.list_deliveries, name="delivery-list"),
    path("agent/settings/webhooks/<int:pk>/", deliveries.show_delivery, name="delivery-detail"),
    path("agent/settings/webhooks/<int:pk>/replay/", deliveries.replay_delivery, name="delivery-replay"),
]

"""Addresses of matching's pages, mounted under /agent/, and of pictures, for all who may see a listing."""

from __future__ import annotations

from django.urls import path

from matching import views
from matching.views import advice, criteria, fits, household, hub, listings, searches, sending

app_name = "matching"
urlpatterns = [
    path("listings/<int:pk>/buyers/", views.listing_buyers, name="listing-buyers"),
    path("leads/<int:pk>/criteria/", criteria.criteria, name="criteria"),
    path("leads/<int:pk>/criteria/limit/", advice.move_limit, name="criteria-limit"),
    path("leads/<int:pk>/criteria/observed/", advice.answer_observation, name="criteria-observed"),
    path("leads/<int:pk>/criteria/undo/", advice.undo_learned, name="criteria-undo"),
    path("leads/<int:pk>/why-not/", advice.why_not, name="lead-why-not"),
    path("leads/<int:pk>/household/", household.household, name="household"),
    path("leads/<int:pk>/household/join/", household.look_together, name="household-join"),
    path("leads/<int:pk>/household/leave/", household.look_alone, name="household-leave"),
    path("leads/<int:pk>/searches/", searches.add_search, name="search-add"),
    path("leads/<int:pk>/searches/<int:search_pk>/", searches.change_search, name="search-change"),
    path("leads/<int:pk>/searches/<int:search_pk>/remove/", searches.remove_search, name="search-remove"),
    path("leads/<int:pk>/matches/", fits.lead_panel, name="lead-panel"),
    path("leads/<int:pk>/matches/<int:listing_pk>/", fits.lead_home, name="lead-home"),
    path("leads/<int:pk>/matches/<int:listing_pk>/rule-out/", fits.rule_out, name="lead-home-rule-out"),
    path("leads/<int:pk>/matches/<int:listing_pk>/send/", sending.send_home, name="lead-home-send"),
    path("leads/<int:pk>/sent/<int:sent_pk>/", sending.sent_home, name="lead-sent"),
    path("matching/", hub.hub, name="hub"),
    path("listings/", listings.list_listings, name="listing-list"),
    path("listings/export/", listings.export_listings, name="listing-export"),
    path("listings/<int:pk>/", listings.show_listing, name="listing"),
    path("matching/market/", views.market, name="market"),
    path("matching/market/look/", views.look_at_market, name="market-look"),
    path("matching/market/import/", views.import_series, name="market-import"),
    path("listings/areas/", views.area_list, name="area-list"),
    path("listings/areas/<slug:slug>/", views.area, name="area"),
    path("listings/<int:pk>/around/", views.listing_around, name="listing-around"),
    path("settings/places/", views.places, name="places"),
    path("settings/places/remove/", views.remove_places, name="places-remove"),
    path("settings/places/files/<int:pk>/", views.place_import, name="place-import"),
    path("settings/places/files/<int:pk>/errors/", views.place_import_errors, name="place-import-errors"),
    path("settings/places/agencies/", views.keep_agency, name="agency-keep"),
    path("settings/places/agencies/<int:pk>/remove/", views.remove_agency, name="agency-remove"),
    path("matching/fair-housing/", views.fair_housing, name="fair-housing"),
    path("matching/fair-housing/check/", views.check_text, name="text-check"),
    path("matching/fair-housing/<int:pk>/keep/", views.override_finding, name="finding-keep"),
    path("matching/fair-housing/<int:pk>/mended/", views.settle_finding, name="finding-mended"),
    path("matching/audit/", views.audit, name="audit"),
    path("matching/audit/trial/", views.try_other_names, name="audit-trial"),
    path("matching/audit/groups/", views.import_groups, name="audit-groups"),
]

pictures = (
    [
        path("<int:pk>/", views.listing_picture, name="listing"),
        path("<int:pk>/<int:photo>/", views.listing_photo, name="photo"),
    ],
    "pictures",
)
links = [
    path("<str:token>/", sending.open_home, name="sent-listing"),
    path("<str:token>/picture/", sending.open_picture, name="sent-listing-picture"),
    path("<str:token>/pictures/<int:photo>/", sending.open_photo, name="sent-listing-photo"),
]
"""Pages behind links that agents pass on: open to whoever has the link."""

"""Addresses of scoring's pages, mounted under /agent/."""

from __future__ import annotations

from django.urls import path

from scoring import views

app_name = "scoring"
urlpatterns = [
    path("leads/<int:pk>/score/", views.lead_panel, name="lead-panel"),
    path("leads/<int:pk>/score/change/", views.lead_change, name="lead-change"),
    path("leads/<int:pk>/score/view/", views.override, name="override"),
    path("leads/<int:pk>/score/view/withdraw/", views.withdraw_override, name="override-withdraw"),
    path("scoring/", views.overview, name="overview"),
    path("scoring/models/", views.version_list, name="version-list"),
    path("scoring/models/train/", views.train, name="version-train"),
    path("scoring/models/roll-back/", views.roll_back_version, name="version-roll-back"),
    path("scoring/models/runs/<int:pk>/", views.run_progress, name="run"),
    path("scoring/models/<int:pk>/", views.version, name="version"),
    path("scoring/models/<int:pk>/preview/", views.preview_version, name="version-preview"),
    path("scoring/models/<int:pk>/shadow/", views.shadow_version, name="version-shadow"),
    path("scoring/models/<int:pk>/publish/", views.publish_version, name="version-publish"),
    path("scoring/weights/", views.weights, name="weights"),
    path("scoring/weights/learn/", views.learn_weights, name="weights-learn"),
    path("scoring/weights/draft/", views.draft_weights, name="weights-draft"),
    path("scoring/weights/roll-back/", views.roll_back_weights, name="weights-roll-back"),
    path("scoring/weights/personal/", views.use_personal, name="weights-personal"),
    path("scoring/weights/<int:number>/", views.weight_set, name="weight-set"),
    path("scoring/weights/<int:number>/edit/", views.edit_weights, name="weight-set-edit"),
    path("scoring/weights/<int:number>/discard/", views.discard_weights, name="weight-set-discard"),
    path("scoring/weights/<int:number>/preview/", views.preview_weights, name="weight-set-preview"),
    path("scoring/weights/<int:number>/publish/", views.publish_weights, name="weight-set-publish"),
    path("scoring/market/", views.market, name="market"),
    path("scoring/market/months/", views.keep_month, name="market-month"),
    path("scoring/market/months/<int:pk>/remove/", views.remove_month, name="market-month-remove"),
    path("scoring/market/rates/", views.keep_rate, name="market-rate"),
    path("scoring/market/rates/<int:pk>/remove/", views.remove_rate, name="market-rate-remove"),
    path("scoring/market/import/", views.import_file, name="market-import"),
    path("scoring/market/use/", views.use_market, name="market-use"),
    path("scoring/experiments/", views.experiment_list, name="experiment-list"),
    path("scoring/experiments/new/", views.new_experiment, name="experiment-new"),
    path("scoring/experiments/<int:pk>/", views.experiment, name="experiment"),
    path("scoring/experiments/<int:pk>/start/", views.start_experiment, name="experiment-start"),
    path("scoring/experiments/<int:pk>/end/", views.end_experiment, name="experiment-end"),
    path("scoring/experiments/<int:pk>/discard/", views.discard_experiment, name="experiment-discard"),
    path("scoring/experiments/<int:pk>/take-over/", views.take_over, name="experiment-take-over"),
    path("scoring/exploration/", views.set_exploration, name="exploration"),
    path("scoring/tiers/", views.tiers, name="tiers"),
    path("scoring/tiers/capacity/", views.set_capacity, name="capacity"),
]

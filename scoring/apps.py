from __future__ import annotations

from django.apps import AppConfig


class ScoringConfig(AppConfig):
    name = "scoring"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # all of these need models, which may be imported only now
        from leads.ops.health import register_check
        from leads.services.models import register_trainer
        from scoring.health import check_scoring
        from scoring.services.learning import retrain

        register_check("scoring", check_scoring)
        register_trainer("scores", retrain)

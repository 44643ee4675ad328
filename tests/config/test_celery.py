from __future__ import annotations

import logging

import pytest

from config.celery import app


def test_a_worker_told_to_be_quiet_still_logs_what_the_settings_ask_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    monkeypatch.setattr(type(app.log), "already_setup", False)

    app.log.setup_logging_subsystem(loglevel="CRITICAL")

    assert (root.level, list(root.handlers)) == before

"""Settings of the tests: the product's own, on servers started for this run."""

from __future__ import annotations

import os

from tests import servers

SERVERS = servers.ensure()
os.environ["ENV_FILE"] = os.devnull
os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "k" * 40)

from config.settings import *  # noqa: E402,F403  (the servers' addresses must be in the environment first)
from config.settings import DATABASES  # noqa: E402

DATABASES["default"]["OPTIONS"].pop("pool", None)  # a test's transaction lives on one connection
DATABASES["default"]["TEST"] = {"NAME": SERVERS.database_name}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # argon2 is slow on purpose
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_AUTOREFRESH = True  # no scan of a folder of collected files that tests do without

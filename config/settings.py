"""Every setting, from the environment. Nothing is started here; `.env.example` lists the variables."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config.embedded import running
from config.env import env
from config.errors import report_to

BASE_DIR = Path(__file__).resolve().parent.parent
env.read_file(Path(env.str("ENV_FILE", str(BASE_DIR / ".env"))))
VAR_DIR = Path(env.str("VAR_DIR", str(BASE_DIR / "var")))
BUILD_DIR = BASE_DIR / "build"

# Where Hearthline is, and whom it trusts
_running = running(VAR_DIR)
DEBUG = env.bool("DEBUG", False)
DEMO = env.bool("DEMO", False)
BASE_URL = env.url("BASE_URL", _running.get("BASE_URL", "http://127.0.0.1:8000")).rstrip("/")
DOOR_URL = env.url("DOOR_URL", _running.get("DOOR_URL", BASE_URL)).rstrip("/")
SUPERVISOR = "config.supervisor.run"  # what `up` calls: no app may import the layer above it
IS_HTTPS = BASE_URL.startswith("https://")
SECRET_KEY = env.str("SECRET_KEY", _running.get("SECRET_KEY", "insecure-only-for-checks-and-builds"))
FIELD_ENCRYPTION_KEYS = env.fernet_keys(
    "FIELD_ENCRYPTION_KEYS",
    _running.get("FIELD_ENCRYPTION_KEYS", "aW5zZWN1cmUtb25seS1mb3ItY2hlY2tzLWFuZC1iZXM="),
)
_host = urlsplit(BASE_URL).hostname or "127.0.0.1"
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]", _host])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", [BASE_URL] if IS_HTTPS else [])

# Apps, ground first
INSTALLED_APPS = [
    "daphne",
    "channels",
    "config.admin_app.HearthlineAdmin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "django.forms",  # its widget templates, which FORM_RENDERER looks up among ours
    "whitenoise.runserver_nostatic",
    "config.static_app.SlimStaticFiles",
    "axes",
    "rest_framework",
    "rest_framework_api_key",
    "drf_spectacular",
    "django_filters",
    "django_htmx",
    "lucide",
    "django_cotton.apps.SimpleAppConfig",
    "template_partials.apps.SimpleAppConfig",
    "leads",
    "scoring",
    "churn",
    "matching",
    "workflows",
    "buyers",
    "sellers",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "leads.middleware.correlation",
    "leads.ghl.middleware.doors",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "leads.middleware.membership",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = True

# Templates
_loaders = [
    "django_cotton.cotton_loader.Loader",
    "django.template.loaders.filesystem.Loader",
    "django.template.loaders.app_directories.Loader",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                ("template_partials.loader.Loader", [("django.template.loaders.cached.Loader", _loaders)])
            ],
            "builtins": [
                "django_cotton.templatetags.cotton",
                "template_partials.templatetags.partials",
                "leads.templatetags.ui",
                "django.templatetags.static",
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "leads.context.shell",
            ],
        },
    }
]
COTTON_DIR = "components"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# PostgreSQL: the truth
_PROCESS = env.str("PROCESS_NAME", "hearthline")
_PLANNING = ["plan_cache_mode=force_generic_plan"]  # a prepared statement is planned once
if _PROCESS == "realtime":  # few rows by their keys, and a plan may be as old as an empty table
    _PLANNING.append("enable_seqscan=off")
DATABASES = {
    "default": {
        **env.database(
            "DATABASE_URL", _running.get("DATABASE_URL", "postgresql://127.0.0.1:5432/hearthline")
        ),
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "pool": {"min_size": 1, "max_size": env.int("DATABASE_POOL_SIZE", 10), "timeout": 5},
            "application_name": _PROCESS,
            "prepare_threshold": 5,  # for the cursors of leads.tables; Django's own never prepare
            "options": " ".join(f"-c {option}" for option in _PLANNING),
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Redis: transport
REDIS_URL = env.url("REDIS_URL", _running.get("REDIS_URL", "redis://127.0.0.1:6379/0"))
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
LIVE_PREFIX = "live"
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": LIVE_PREFIX},
    }
}

# The event log: months kept attached; older partitions are detached, not dropped (0 keeps all)
EVENT_KEEP_MONTHS = env.int("EVENT_KEEP_MONTHS", 0)

# Celery: workers and beat
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "socket_timeout": 30,
    "socket_keepalive": True,
    "health_check_interval": 30,
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_TIME_LIMIT = 1800
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "celerybeat-schedule")

# Sign-in
AUTH_USER_MODEL = "leads.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "leads:login"
LOGIN_REDIRECT_URL = "leads:landing"
LOGOUT_REDIRECT_URL = "leads:landing"
SESSION_ENGINE = "leads.sessions"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
PASSWORD_RESET_TIMEOUT = 3600
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_CALLABLE = "leads.views.accounts.locked_out"
AXES_RESET_ON_SUCCESS = True
AXES_USERNAME_FORM_FIELD = "username"
AXES_DISABLE_ACCESS_LOG = True
AXES_SENSITIVE_PARAMETERS: list[str] = ["username", "ip_address", "password"]
INVITATION_DAYS = 7

# Language and time
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

# Static files: built by `manage.py build_assets`, served by WhiteNoise
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BUILD_DIR, BASE_DIR / "config" / "static"]
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": VAR_DIR / "media"},
    },
    "staticfiles": {"BACKEND": "config.storage.StaticStorage"},
}
WHITENOISE_MAX_AGE = 3600
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ("jpg", "jpeg", "png", "gif", "webp", "woff2", "map", "gz", "br")

# Mail
_email = env.email("EMAIL_URL", "console://")
EMAIL_BACKEND = _email["EMAIL_BACKEND"]
EMAIL_HOST = _email["EMAIL_HOST"]
EMAIL_PORT = _email["EMAIL_PORT"]
EMAIL_HOST_USER = _email["EMAIL_HOST_USER"]
EMAIL_HOST_PASSWORD = _email["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS = _email["EMAIL_USE_TLS"]
EMAIL_USE_SSL = _email["EMAIL_USE_SSL"]
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", f"Hearthline <no-reply@{_host}>")

# API
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "leads.authentication.TokenAuthentication",
        "leads.authentication.APIKeyAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["leads.authentication.IsTeam"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_THROTTLE_CLASSES": ["leads.authentication.CallerThrottle"],
    "DEFAULT_THROTTLE_RATES": {"caller": "100/min", "token": "20/min", "page": "60/min"},
    "DEFAULT_PAGINATION_CLASS": "leads.pagination.NumberedPagination",
    "PAGE_SIZE": 50,
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "leads.problems.problem_handler",
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=30),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=7),
    "UPDATE_LAST_LOGIN": False,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Hearthline API",
    "DESCRIPTION": "Leads, their scores with exact explanations, events and alerts of one tenant.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
}

# GoHighLevel
GHL_CLIENT_ID = env.str("GHL_CLIENT_ID", "")
GHL_CLIENT_SECRET = env.str("GHL_CLIENT_SECRET", "")
GHL_APP_ID = GHL_CLIENT_ID.split("-")[0]
GHL_API_BASE_URL = env.url("GHL_API_BASE_URL", "https://services.leadconnectorhq.com").rstrip("/")
GHL_AUTHORIZE_URL = env.url(
    "GHL_AUTHORIZE_URL", "https://marketplace.gohighlevel.com/v2/oauth/chooselocation"
)
GHL_OFFICIAL_PUBLIC_KEY = """-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAi2HR1srL4o18O8BRa7gVJY7G7bupbN3H9AwJrHCDiOg=
-----END PUBLIC KEY-----
"""
GHL_WEBHOOK_PUBLIC_KEYS = env.pem_keys("GHL_WEBHOOK_PUBLIC_KEYS", GHL_OFFICIAL_PUBLIC_KEY)
GHL_ACCEPT_LEGACY_RSA = env.bool("GHL_ACCEPT_LEGACY_RSA", False)
GHL_WEBHOOK_MAX_BYTES = 256 * 1024
GHL_WEBHOOK_MAX_AGE = timedelta(days=4)
SIMULATOR_KEY_FILE = VAR_DIR / "simulator_ed25519.pem"

# Optional outside services
SENTRY_DSN = env.str("SENTRY_DSN", "")
if SENTRY_DSN:
    report_to(SENTRY_DSN)
FEEDS_MAY_BE_PRIVATE = env.bool("FEEDS_MAY_BE_PRIVATE", False)
MAP_TILE_URL = env.str("MAP_TILE_URL", "")
MLFLOW_TRACKING_URI = env.str("MLFLOW_TRACKING_URI", "")

# Logs: JSON, ids only
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"])
LOGGING_CONFIG = "leads.ops.logs.configure"
LOGGING = {"level": LOG_LEVEL}
METRICS_TOKEN = env.str("METRICS_TOKEN", "")

# Browser security
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "worker-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
if IS_HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^webhooks/", r"^health/", r"^metrics$"]
    SECURE_HSTS_SECONDS = 31536000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

if DEMO and IS_HTTPS:
    raise ImproperlyConfigured(
        "DEMO accepts the simulator's webhook key: it cannot run on a public https BASE_URL."
    )
SILENCED_SYSTEM_CHECKS = ["axes.W003"]

"""Settings, in sections. Every value that differs between places comes from the environment.

*Embedded* means: no ``DATABASE_URL``. Then everything stands under ``var/`` (``LIUKE_VAR``) on one
machine, that of the demo company (``LIUKE_DEMO=1``) under ``var/demo/``, and a secret key is made up and
kept there. Everywhere else what is missing stops the start.
"""

from __future__ import annotations

import os
import tempfile
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import bootstrap_wrapper
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config import embedded, env, logs

BASE_DIR = Path(__file__).resolve().parent.parent

# --- Where we run -----------------------------------------------------------------------------
DEBUG = env.flag("DEBUG")
EMBEDDED = not env.text("DATABASE_URL")
DEMO = EMBEDDED and env.flag("LIUKE_DEMO")
VAR_ROOT = Path(env.text("LIUKE_VAR", str(BASE_DIR / "var"))).resolve()
VAR_DIR = embedded.home(VAR_ROOT, demo=DEMO)
SECRET_KEY = env.secret("SECRET_KEY", kept_in=VAR_DIR / "secret_key" if EMBEDDED or DEBUG else None)
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")
PORT = env.whole_number("PORT", default=8000)
PUBLIC_BASE_URL = env.base_url("PUBLIC_BASE_URL", default=f"http://127.0.0.1:{PORT}")
_PUBLIC = urlsplit(PUBLIC_BASE_URL)
_LOCAL_HOSTS = ["127.0.0.1", "localhost", "[::1]"] if EMBEDDED or DEBUG else []
ALLOWED_HOSTS = [*(env.words("ALLOWED_HOSTS") or [_PUBLIC.hostname or ""]), *_LOCAL_HOSTS]
HTTPS = _PUBLIC.scheme == "https"
# How many proxies of ours stand before the web process; 0 = none, their headers are not believed.
TRUSTED_PROXY_COUNT = env.whole_number("TRUSTED_PROXY_COUNT", default=0)
LIUKE_NOW = env.moment("LIUKE_NOW")
DEMO_PASSWORD = env.text("DEMO_PASSWORD")

# --- What it is made of -----------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "csp",
    "customers.ground",
    "customers",
    "surveys",
    "loyalty",
    "retention",
    "config",
]

# Covering columns of an index are PostgreSQL's; SQLite leaves them out, which is fine.
SILENCED_SYSTEM_CHECKS = ["models.W040"]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "customers.pages.compressing.PageGZipMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "customers.ground.context.RequestContextMiddleware",
    "config.requests.RequestLineMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "customers.pages.language.UserLanguageMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "customers.access.DefaultDenyMiddleware",
    "customers.pages.company_missing.CompanyMissingMiddleware",
    "customers.pages.merged.FollowMergesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "config" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "customers.navigation.context",
            ],
        },
    },
    {  # what repeats line by line: {% fragment %} of templatetags/ui.py
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [BASE_DIR / "config" / "jinja2"],
        "APP_DIRS": True,
        "OPTIONS": {"environment": "customers.ground.jinja.environment"},
    },
]

# --- Database ---------------------------------------------------------------------------------
DATABASES = {"default": env.database("DATABASE_URL", default=f"sqlite:///{VAR_DIR / embedded.DATABASE}")}
_db = DATABASES["default"]
_test_name = env.text("TEST_DB_NAME")
if _db["ENGINE"].endswith("sqlite3"):
    if EMBEDDED:
        VAR_DIR.mkdir(parents=True, exist_ok=True)
    # IMMEDIATE takes the write lock at BEGIN: otherwise most concurrent read-then-write transactions die.
    _db["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA foreign_keys=ON; PRAGMA synchronous=NORMAL;",
    }
    _test_file = Path(tempfile.gettempdir()) / f"{_test_name or f'liuke-test-{os.getpid()}'}.sqlite3"
    _db["TEST"] = {"NAME": str(_test_file)}
else:
    _db["CONN_MAX_AGE"] = env.whole_number("CONN_MAX_AGE", default=600)
    _db["CONN_HEALTH_CHECKS"] = True
    _db["OPTIONS"] = {**_db.get("OPTIONS", {}), "connect_timeout": 5}
    _db["TEST"] = {"NAME": _test_name} if _test_name else {}

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache_entry",
        "OPTIONS": {"MAX_ENTRIES": 50_000},
    }
}

# --- People and sessions ----------------------------------------------------------------------
AUTH_USER_MODEL = "customers.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "account_login"
PASSWORD_RESET_TIMEOUT = int(timedelta(hours=1).total_seconds())
SESSION_ENGINE = "django.contrib.sessions.backends.db"
if DEMO:  # cookies know no ports: one's own company may run beside it
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "demo_sessionid", "demo_csrftoken"
SESSION_COOKIE_AGE = int(timedelta(days=7).total_seconds())
ACCOUNT_ADAPTER = "customers.pages.accounts.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_DEFAULT_HTTP_PROTOCOL = _PUBLIC.scheme
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/5m/key",
    "change_password": "5/m/user",
    "reset_password": "20/m/ip,5/m/key",
    "reset_password_from_key": "20/m/ip",
}
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT

# --- Safety of the page -----------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds()) if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY_COUNT else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = [PUBLIC_BASE_URL]
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000
FILE_UPLOAD_PERMISSIONS = 0o600

# --- Languages, zone and time -----------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
FORMAT_MODULE_PATH = ["config.formats"]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"

# --- Files ------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.text("STATIC_ROOT", str(VAR_DIR / "static")))
STATICFILES_DIRS = [("bootstrap", bootstrap_wrapper.get_bootstrap_dir())]
# Production: collectstatic has put compressed files with names by content there. Else: as they stand.
_with_manifest = not (EMBEDDED or DEBUG)
if not _with_manifest:
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "whitenoise.storage.CompressedManifestStaticFilesStorage"
            if _with_manifest
            else "django.contrib.staticfiles.storage.StaticFilesStorage"
        ),
        # Uploads are for us alone (FILE_UPLOAD_PERMISSIONS); these are collected by root, read by us.
        "OPTIONS": {"file_permissions_mode": 0o644},
    },
}
WHITENOISE_USE_FINDERS = not _with_manifest
WHITENOISE_MANIFEST_STRICT = True
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
MEDIA_ROOT = Path(env.text("MEDIA_ROOT", str(VAR_DIR / "media")))
# Who was erased, outside of the database, so that a restored backup can be told. The key beside it is for
# the hashes of erased ids; ERASURE_KEY takes its place. Neither depends on SECRET_KEY, which may change.
ERASURE_LOG = Path(env.text("ERASURE_LOG", str(VAR_DIR / "erasures.log")))
ERASURE_KEY = env.text("ERASURE_KEY")

# --- Mail -------------------------------------------------------------------------------------
if not (EMBEDDED or DEBUG or env.text("EMAIL_URL")):
    raise ImproperlyConfigured("EMAIL_URL is not set: password resets and notices need a mail server.")
_mail = env.email("EMAIL_URL", default="filemail://")
EMAIL_BACKEND = _mail["EMAIL_BACKEND"]
EMAIL_HOST = _mail["EMAIL_HOST"] or "localhost"
EMAIL_PORT = _mail["EMAIL_PORT"] or 25
EMAIL_HOST_USER = _mail["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD = _mail["EMAIL_HOST_PASSWORD"] or ""
EMAIL_USE_TLS = _mail.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _mail.get("EMAIL_USE_SSL", False)
EMAIL_FILE_PATH = _mail["EMAIL_FILE_PATH"] or str(VAR_DIR / "mail")
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.text("FROM_EMAIL", f"liuke@{_PUBLIC.hostname}")

# --- Channels ---------------------------------------------------------------------------------
# Networks of one's own that messages may be handed to; without any, only the public internet.
CHANNEL_NETWORKS = env.networks("CHANNEL_NETWORKS")

# --- API --------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_PERMISSION_CLASSES": ["config.rest.DenyAll"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["customers.api.auth.TokenSignIn", "customers.api.auth.SessionSignIn"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["customers.ground.api.parsing.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "customers.ground.api.problems.handle",
    "URL_FORMAT_OVERRIDE": None,
    "COERCE_DECIMAL_TO_STRING": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Liuke API",
    "VERSION": "1",
    "DESCRIPTION": "Customers, what happened with them, and what we do about it. The manual is docs/api.md.",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "COMPONENT_NO_READ_ONLY_REQUIRED": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    # Enums stay beside their fields: a name for each would say nothing more.
    "POSTPROCESSING_HOOKS": ["customers.ground.api.schema.compact"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "docExpansion": "none", "tryItOutEnabled": False},
    "DISABLE_ERRORS_AND_WARNINGS": False,
}
# Calls a minute: of one token (or one colleague's session), and of one address.
API_CALLS_A_MINUTE = {
    "token": env.whole_number("API_CALLS_PER_TOKEN", default=600),
    "address": env.whole_number("API_CALLS_PER_ADDRESS", default=1200),
}

# --- Work in the background -------------------------------------------------------------------
# The database is the record of work to do; the broker only rings a bell.
REDIS_URL = env.redis_url("REDIS_URL")
BROKER_DIR = VAR_DIR / "broker"
TASK_SECONDS = 300
SWEEP_SECONDS = 30 * 60  # the pass over everybody; its lease in the database is as long
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, object]
CELERY_BROKER_URL = REDIS_URL or "filesystem://localhost"
if REDIS_URL:
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "visibility_timeout": 4 * SWEEP_SECONDS,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        "health_check_interval": 10,
    }
else:
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(BROKER_DIR / "queue"),
        "data_folder_out": str(BROKER_DIR / "queue"),
        "processed_folder": str(BROKER_DIR / "processed"),
        "control_folder": str(BROKER_DIR / "control"),
        "polling_interval": 0.1,
    }
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # after a hundred, workers would end, and with them their drains
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = TASK_SECONDS
CELERY_TASK_SOFT_TIME_LIMIT = TASK_SECONDS - 60
CELERY_TASK_ANNOTATIONS = {
    "retention.tasks.flag_warning_signs": {
        "time_limit": SWEEP_SECONDS,
        "soft_time_limit": SWEEP_SECONDS - 60,
    },
}
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "liuke"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 10
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "config.celery:Scheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 30
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat")

# --- Metrics ----------------------------------------------------------------------------------
METRICS_TOKEN = env.token("METRICS_TOKEN")

# --- Logs -------------------------------------------------------------------------------------
LOGGING = logs.configuration(level=env.text("LOG_LEVEL", "INFO"), as_json=not DEBUG)

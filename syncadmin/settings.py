"""All settings of SyncAdmin, in one place; what an installation may change comes from the environment.

Without any environment, everything embedded works: SQLite and generated secrets under `var/`. With a
DATABASE_URL to a shared database the secrets must be given too, because a key that only one machine
knows would make stored credentials unreadable for the others.
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import dj_database_url
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key

from connectors.reach import reach
from syncadmin.navigation import UNFOLD as UNFOLD
from syncadmin.places import socket_in
from syncadmin.secrets_file import kept_secret

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(os.environ.get("SYNCADMIN_VAR") or BASE_DIR / "var").resolve()


def listed(name: str, default: str = "") -> list[str]:
    """A comma-separated environment variable."""
    return [part.strip() for part in os.environ.get(name, default).split(",") if part.strip()]


# --- the hub's database

DATABASE_URL = os.environ.get("DATABASE_URL") or f"sqlite:///{quote(str(VAR_DIR / 'hub.sqlite3'))}"
DATABASES: dict[str, Any] = {"default": dj_database_url.parse(DATABASE_URL)}
IS_SQLITE = DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3"
if IS_SQLITE:
    VAR_DIR.mkdir(parents=True, exist_ok=True)
    DATABASES["default"]["OPTIONS"] = {
        # a transaction that starts as a reader and then writes is refused at once when another writes:
        # take the write lock at the start, and wait for it
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        # full synchronisation stays on: an intent must be on disk before it is sent
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 600
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


# --- secrets


def secret(name: str, file: str, generate: Any) -> str:
    """From the environment, else generated once and kept under var/ (embedded database only)."""
    if given := os.environ.get(name):
        return given
    if not IS_SQLITE:
        raise ImproperlyConfigured(
            f"{name} is not set. With DATABASE_URL set it must be, to the same value on every machine."
        )
    return kept_secret(VAR_DIR / "secrets" / file, generate)


SECRET_KEY = secret("SECRET_KEY", "secret_key", get_random_secret_key)
FIELD_ENCRYPTION_KEYS = [
    key.strip()
    for key in secret(
        "FIELD_ENCRYPTION_KEYS", "field_encryption_keys", lambda: Fernet.generate_key().decode()
    ).split(",")
]


# --- the queue

WITNESS_DIR = VAR_DIR / "witness"  # tells a restored database, see engine/witness.py
QUEUE_DIR = VAR_DIR / "valkey"  # of the embedded server
QUEUE_IS_EMBEDDED = not os.environ.get("REDIS_URL")
REDIS_URL = os.environ.get("REDIS_URL") or f"unix://{socket_in(QUEUE_DIR, 'valkey.sock')}?db=0"
RQ_QUEUES = {
    "default": {
        "URL": REDIS_URL,
        "SERIALIZER": "rq.serializers.JSONSerializer",
        "DEFAULT_TIMEOUT": -1,  # a first pass may take days; a hung one loses its lease instead
        "DEFAULT_RESULT_TTL": 0,  # what a pass did is in the hub's tables
    }
}
# our own code decides when to enqueue: see syncadmin.jobs
RQ = {"COMMIT_MODE": "auto"}
RQ_SHOW_ADMIN_LINK = False


# --- the systems

# where connectors may connect: `allow` (all but link-local), `refuse` (the public internet only), or the
# private networks that are allowed (`10.0.0.0/8,127.0.0.1`)
PRIVATE_ADDRESSES = os.environ.get("SYNCADMIN_PRIVATE_ADDRESSES", "allow")
reach(PRIVATE_ADDRESSES)  # what is neither is said at the start


# --- the web

DEBUG = False
ALLOWED_HOSTS = listed("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = listed("CSRF_TRUSTED_ORIGINS")
ROOT_URLCONF = "syncadmin.urls"
WSGI_APPLICATION = "syncadmin.wsgi.application"
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "/"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SAMESITE = "Lax"
# two hubs on one host (another port) must not sign each other's users out
SESSION_COOKIE_NAME = "syncadmin_session"
CSRF_COOKIE_NAME = "syncadmin_csrf"

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.inlines",
    "unfold.contrib.simple_history",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "django_rq",
    "simple_history",
    "syncadmin.apps.SyncadminConfig",
    "conflicts.apps.ConflictsConfig",
]

if os.environ.get("SYNCADMIN_DEMO") == "1":
    INSTALLED_APPS.append("syncadmin.demo.apps.DemoConfig")

MIDDLEWARE = [
    "syncadmin.middleware.RoomMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "syncadmin.middleware.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "syncadmin.middleware.TimeZoneMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
]

# Alpine, which the admin shell is made with, evaluates its attributes; nothing is inline, nothing is foreign
CONTENT_SECURITY_POLICY = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data:",
    "font-src": "'self' data:",
    "connect-src": "'self'",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

STATIC_URL = "static/"
# served straight from the packages: no collectstatic step that could be forgotten
WHITENOISE_USE_FINDERS = True

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# --- working together

# how long a claim on a conflict runs after its holder was last seen at work
CLAIM_FOR = timedelta(minutes=float(os.environ.get("CLAIM_MINUTES") or 15))

# --- notices

# where people reach the hub, for links in notices: https://sync.example.com
BASE_URL = os.environ.get("BASE_URL", "").rstrip("/")
# the mail server that notices to plain e-mail addresses go through, as an Apprise address
NOTIFY_MAIL_URL = os.environ.get("NOTIFY_MAIL_URL", "")
# what kinds of channels people may add
NOTIFY_SCHEMES = listed(
    "NOTIFY_SCHEMES",
    "mailto,mailtos,slack,workflows,discord,gchat,mmost,mmosts,rocket,rockets,matrix,matrixs,zulip,webex,"
    "nctalk,nctalks,tgram,ntfy,ntfys,gotify,gotifys,pover,pagerduty,opsgenie,jsons,json",
)
# whether channels may lead into the hub's own network
NOTIFY_PRIVATE = os.environ.get("NOTIFY_PRIVATE") == "1"

# --- time, language, logs

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = True
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_NAME = "syncadmin_language"
LANGUAGE_COOKIE_SAMESITE = "Lax"
TIME_ZONE_COOKIE_NAME = "syncadmin_zone"  # set by the browser (app.js); without it times are UTC

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("LOG_LEVEL", "INFO").upper()},
    "loggers": {
        "django": {"level": "WARNING"},
        # sent SQL and requests would carry customers' values into the log
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
        "sqlalchemy": {"level": "WARNING"},
        # tells of every table of a font
        "fontTools": {"level": "WARNING"},
        # addresses of channels hold credentials; what went wrong is kept with the notice
        "apprise": {"level": "CRITICAL"},
    },
}

"""All settings, from the environment. docs/settings.md explains each variable."""

from __future__ import annotations

import os
from pathlib import Path

import dj_database_url

from neuro_site.env import (
    env_bool,
    env_choice,
    env_int,
    env_list,
    env_origins,
    env_secret,
    env_str,
)

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env_str("NEURO_DATA_DIR", str(BASE_DIR / "var"))).resolve()
PRODUCTION = env_bool("NEURO_PRODUCTION", default=False)
DEBUG = env_bool("NEURO_DEBUG", default=False)

SECRET_KEY = env_secret(
    "NEURO_SECRET_KEY", kept_in=DATA_DIR / "secret_key", required=PRODUCTION
)
API_TOKEN_PEPPER = env_secret(
    "NEURO_API_TOKEN_PEPPER",
    kept_in=DATA_DIR / "api_token_pepper",
    required=PRODUCTION,
)
ALLOWED_HOSTS = env_list("NEURO_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env_list("NEURO_CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "corsheaders",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_tasks",
    "django_tasks_db",
    "accounts",
    "models_app",
    "playground",
]

MIDDLEWARE = [
    "neuro_site.request_id.request_id_middleware",
    "accounts.rate_limit_headers.rate_limit_headers_middleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.HtmxRedirectMiddleware",
    "accounts.middleware.VisitMiddleware",
    "neuro_site.address.AddressMiddleware",
]

ROOT_URLCONF = "neuro_site.urls"
ASGI_APPLICATION = "neuro_site.asgi.application"

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
            ]
        },
    }
]

# --- state -----------------------------------------------------------------------

_SQLITE_OPTIONS = {
    # A writer takes its lock at BEGIN, so two of them wait instead of failing.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;"
    ),
}


def _database() -> dict[str, object]:
    url = env_str("DATABASE_URL", f"sqlite:///{DATA_DIR / 'neuro.sqlite3'}")
    # Threads are kept from one request to the next, and connections with them.
    database: dict[str, object] = dict(
        dj_database_url.parse(url, conn_max_age=None, conn_health_checks=True)
    )
    if database["ENGINE"] == "django.db.backends.sqlite3":
        database |= {"ENGINE": "neuro_site.sqlite", "OPTIONS": _SQLITE_OPTIONS}
    return database


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env_str("REDIS_URL")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
    }
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}
# The limits package names Redis on a Unix socket in a way of its own.
RATE_LIMIT_STORAGE = REDIS_URL.replace("unix://", "redis+unix://", 1) or "memory://"

# --- people ----------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{validator}"}
    for validator in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "dashboard"
LOGOUT_REDIRECT_URL = "home"

ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[Neuro] "
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_FORMS = {
    "add_email": "accounts.entrance_forms.ChangeAddressForm",
    "change_password": "accounts.entrance_forms.ChangePasswordForm",
    "login": "accounts.entrance_forms.LogInForm",
    "reauthenticate": "accounts.entrance_forms.ReauthenticateForm",
    "reset_password": "accounts.entrance_forms.ResetPasswordForm",
    "reset_password_from_key": "accounts.entrance_forms.ResetPasswordKeyForm",
    "set_password": "accounts.entrance_forms.SetPasswordForm",
    "signup": "accounts.entrance_forms.SignUpForm",
}
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
# What a fresh sign-in, or a confirmation, opens without asking again.
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
TIER_CHANGES = env_choice("NEURO_TIER_CHANGES", ("instant", "approval"), "instant")
REGISTRATION = env_choice("NEURO_REGISTRATION", ("open", "approval", "closed"), "open")
FIRST_STAFF_CODE_FILE = DATA_DIR / "first_staff_code"

MFA_ADAPTER = "accounts.adapter.SecondStepAdapter"
MFA_FORMS = {
    "activate_totp": "accounts.entrance_forms.AuthenticatorAppForm",
    "add_webauthn": "accounts.entrance_forms.AddPasskeyForm",
    "authenticate": "accounts.entrance_forms.SecondStepForm",
    "edit_webauthn": "accounts.entrance_forms.RenamePasskeyForm",
    "reauthenticate": "accounts.entrance_forms.ConfirmWithCodeForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Neuro"
# Half a minute either way for a phone whose clock is not quite right.
MFA_TOTP_TOLERANCE = 1
# Nobody who must confirm an address gets in before; who need not, may have this too.
MFA_ALLOW_UNVERIFIED_EMAIL = True

_EMAIL_HOST = env_str("NEURO_EMAIL_HOST")
EMAIL_HOST = _EMAIL_HOST or "localhost"
EMAIL_PORT = env_int("NEURO_EMAIL_PORT", 587)
EMAIL_HOST_USER = env_str("NEURO_EMAIL_USER")
EMAIL_HOST_PASSWORD = env_str("NEURO_EMAIL_PASSWORD")
EMAIL_USE_TLS = env_bool("NEURO_EMAIL_TLS", default=True)
DEFAULT_FROM_EMAIL = env_str("NEURO_EMAIL_FROM", "neuro@localhost")
EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend"
    if _EMAIL_HOST
    else "django.core.mail.backends.console.EmailBackend"
)
MAIL_IS_CONFIGURED = bool(_EMAIL_HOST)
EMAIL_TIMEOUT = 20
# Without a mail server nobody could ever confirm an address.
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if MAIL_IS_CONFIGURED else "none"
ACCOUNT_EMAIL_NOTIFICATIONS = MAIL_IS_CONFIGURED

# --- pages and the API -------------------------------------------------------------

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.ApiTokenAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["models_app.api.parsers.JsonObjectParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "neuro_site.error_handler.handle_exception",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "models_app.api.negotiation.AlwaysJson",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Neuro",
    "DESCRIPTION": "Text generation behind an API token.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "neuro_site.api_document.complete_document",
    ],
    # One name, several sets: TGI's finish reasons, and statuses of other things.
    "ENUM_NAME_OVERRIDES": {
        "FinishReasonEnum": "models_app.api.serializers.FINISH_REASONS",
        "DeliveryStatusEnum": "models_app.webhooks.models.DeliveryStatus",
        "ModelStatusEnum": "models_app.api.serializers.STATUSES",
        "AsyncStatusEnum": "models_app.asynchronous.models.AsyncStatus",
        "BatchStatusEnum": "models_app.batches.models.BatchStatus",
        "NpuStateEnum": "models_app.npu.schema.STATES",
        "StateEnum": "accounts.api.serializers.STATES",
    },
}

# Pages of these origins may call the APIs with an API token. No other route says so, and
# nothing allows cookies: a page of another site never acts for who is signed in here.
_CORS_ORIGINS = env_origins("NEURO_CORS_ORIGINS")
CORS_ALLOW_ALL_ORIGINS = _CORS_ORIGINS == ["*"]
CORS_ALLOWED_ORIGINS = [] if CORS_ALLOW_ALL_ORIGINS else _CORS_ORIGINS
CORS_ALLOW_CREDENTIALS = False
CORS_URLS_REGEX = (
    r"^/(api/v1/|v1/|models/[^/]+(/|$)|health$|status/"
    r"|(Token|SyncPredict|Predict|Hash|UploadData)$)"
)
# The star stands for any header but Authorization; client libraries send many.
CORS_ALLOW_HEADERS = ("authorization", "*")
CORS_EXPOSE_HEADERS = (
    "location",
    "retry-after",
    "x-request-id",
    "idempotent-replayed",
    *(
        f"x-ratelimit-{what}-{unit}"
        for what in ("limit", "remaining", "reset")
        for unit in ("requests", "tokens")
    ),
    *("x-queue-time", "x-inference-time", "x-time-per-token"),
    *("x-prompt-tokens", "x-generated-tokens"),
)

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
    }
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = PRODUCTION
CSRF_COOKIE_SECURE = PRODUCTION
SESSION_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = PRODUCTION
SECURE_REDIRECT_EXEMPT = [r"^health$"]
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = PRODUCTION
SECURE_HSTS_PRELOAD = PRODUCTION
if PRODUCTION:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024
# Files included: NumPy writes four bytes for each character of a prompt.
MAX_BODY_BYTES = 16 * 1024 * 1024
# However many calls are refused meanwhile, they are written in one go.
REFUSALS_WRITTEN_AFTER_SECONDS = 2.0
# Days that the commands delete_old_… leave; 0 keeps everything.
LEDGER_DAYS = env_int("NEURO_LEDGER_DAYS", 0)
ACTIVITY_DAYS = env_int("NEURO_ACTIVITY_DAYS", 0)

# --- time ------------------------------------------------------------------------

READ_SECONDS = env_int("NEURO_READ_SECONDS", 60)
WRITE_SECONDS = env_int("NEURO_WRITE_SECONDS", 60)
GRACE_SECONDS = env_int("NEURO_GRACE_SECONDS", 10)

# --- the engine ------------------------------------------------------------------

CATALOGUE_DIR = BASE_DIR / "models_app" / "catalogue"
MODELS_DIR = DATA_DIR / "models"
ENGINE_SOCKET = Path(env_str("NEURO_ENGINE_SOCKET", str(DATA_DIR / "engine.sock")))
ENGINE_PRECISION = env_choice(
    "NEURO_PRECISION", ("auto", "fp32", "bf16", "int8"), "auto"
)
ENGINE_SLOTS = env_int("NEURO_ENGINE_SLOTS", 16)
ENGINE_PREFIX_CACHE = env_bool("NEURO_PREFIX_CACHE", default=True)
REQUEST_SECONDS = env_int("NEURO_REQUEST_SECONDS", 600)
ENGINE_THREADS = env_int("NEURO_ENGINE_THREADS", os.cpu_count() or 1)

# --- uploaded data -----------------------------------------------------------------

KEEP_UPLOADS_HOURS = env_int("NEURO_KEEP_UPLOADS_HOURS", 24)
UPLOADS_PER_PROJECT_BYTES = env_int("NEURO_UPLOADS_PER_PROJECT", 32 * 1024 * 1024)

# --- tasks -----------------------------------------------------------------------

TASKS = {
    "default": {
        "BACKEND": "django_tasks_db.DatabaseBackend",
        # models_app/tasks/queue.py names them.
        "QUEUES": ["default", "predictions", "batches", "webhooks"],
    }
}
EMBEDDED_WORKER = env_bool("NEURO_EMBEDDED_WORKER", default=True)
WORKER_PREDICTIONS = env_int("NEURO_WORKER_PREDICTIONS", 8)
# Those that wait or run, of one account and of all.
QUEUED_PREDICTIONS = env_int("NEURO_QUEUE", 10_000)
KEEP_PREDICTIONS_HOURS = env_int("NEURO_KEEP_PREDICTIONS_HOURS", 24)
WORKER_BATCH_LINES = env_int("NEURO_WORKER_BATCH_LINES", 4)
BATCHES_PER_ACCOUNT = env_int("NEURO_BATCHES_PER_ACCOUNT", 10)
BATCH_HOURS = env_int("NEURO_BATCH_HOURS", 24)
KEEP_BATCHES_DAYS = env_int("NEURO_KEEP_BATCHES_DAYS", 7)
# Whether callers may name addresses of this machine and of private networks.
WEBHOOK_PRIVATE_ADDRESSES = env_bool("NEURO_WEBHOOK_PRIVATE_ADDRESSES", default=False)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {
            "format": "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"
        }
    },
    "filters": {
        "without_query": {"()": "neuro_site.logs.WithoutQuery"},
        "request_id": {"()": "neuro_site.request_id.RequestIdFilter"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "plain",
            "filters": ["request_id"],
        }
    },
    "loggers": {
        "uvicorn.access": {"filters": ["without_query"]},
        # At DEBUG it writes every statement, with texts of calls among its values.
        "django.db.backends": {"level": "INFO"},
    },
    "root": {"handlers": ["console"], "level": env_str("NEURO_LOG_LEVEL", "INFO")},
}

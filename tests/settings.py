"""The settings of the tests: the product's own, with a secret of no value and quick hashes."""

from __future__ import annotations

import os

os.environ.setdefault("SECRET_KEY", "tests-only-" + "0" * 40)
os.environ.setdefault("EMAIL_URL", "memorymail://")
os.environ.setdefault("PUBLIC_BASE_URL", "http://testserver")

from config.settings import *  # noqa: F403
from config.settings import DATABASES

ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CELERY_BROKER_URL = "memory://"
CELERY_BROKER_TRANSPORT_OPTIONS = {}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # The tests' file may vanish with the machine: no need to wait for the disk. Rows that are asked for
    # in no order come the other way round, so that who counts on one is found out here.
    DATABASES["default"]["OPTIONS"]["init_command"] = (
        "PRAGMA journal_mode=WAL; PRAGMA foreign_keys=ON; PRAGMA synchronous=OFF; "
        "PRAGMA reverse_unordered_selects=ON;"
    )

"""A bare Django site of one view that writes one row: the floor of answering a survey."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings
from django.http import HttpRequest, HttpResponse

settings.INSTALLED_APPS = []
settings.MIDDLEWARE = []
settings.ROOT_URLCONF = "benchmarks.bare"

from django.core.wsgi import get_wsgi_application  # noqa: E402 — they read the settings
from django.db import connection  # noqa: E402
from django.urls import path  # noqa: E402

from benchmarks.web import BARE_TABLE  # noqa: E402


def write(request: HttpRequest) -> HttpResponse:
    """Keep the score of a token."""
    if request.method == "POST":
        with connection.cursor() as cursor:
            values = [request.POST["token"], int(request.POST["score"])]
            cursor.execute(f"INSERT INTO {BARE_TABLE} (token, score) VALUES (%s, %s)", values)
    return HttpResponse("Thank you")


urlpatterns = [path("", write)]
application = get_wsgi_application()

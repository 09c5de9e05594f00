"""The WSGI application that gunicorn and waitress serve."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()

from customers.ground import pulse  # noqa: E402  — after the set-up

pulse.start(pulse.Kind.WEB)

"""How gunicorn serves: ``gunicorn config.wsgi --config python:config.gunicorn``.

Each process keeps one connection to the database (CONN_MAX_AGE) and is replaced after ten thousand
requests, not all at once, so that what leaks somewhere never grows for long.
"""

from __future__ import annotations

from config import env, logs

bind = f"0.0.0.0:{env.whole_number('PORT', default=8000)}"
workers = env.whole_number("WEB_CONCURRENCY", default=4, least=1)
worker_class = "sync"
max_requests = 10_000
max_requests_jitter = 1_000
timeout = 60
graceful_timeout = 25  # compose waits for 30
worker_tmp_dir = "/dev/shm"  # noqa: S108 — heartbeats of gunicorn, in memory: a disk may stall
control_socket_disable = True  # it would be a file in a home that is read-only
# No access log: our own line tells the route; addresses may hold tokens.
accesslog = None
logconfig_dict = logs.configuration(level=env.text("LOG_LEVEL", "INFO"), as_json=True)
logconfig_dict["loggers"]["gunicorn.error"] = {"level": "INFO", "handlers": ["stderr"], "propagate": False}

"""Logs: one JSON object a line, with the request's id, without anybody's token or password."""

from __future__ import annotations

import re
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

_SECRET_WORDS = r"(?:password|token|secret|key|signature|sessionid|csrf\w*|nonce)"  # noqa: S105
_SCRUBBED = (
    # /s/<token>/, /m/<token>/, /c/<token>/, /u/<token>/ and the reset link of a password
    (re.compile(r"(/(?:s|m|c|u)/)[A-Za-z0-9_-]{12,}"), r"\1…"),
    (re.compile(r"(/password/reset/key/)[^/\s\"']+"), r"\1…"),
    (re.compile(rf"(?i)\b({_SECRET_WORDS}['\"]?\s*[=:]\s*['\"]?)[^\s&,;'\"]+"), r"\1…"),
    (re.compile(r"(?i)\b(bearer|basic|token)\s+[A-Za-z0-9._~+/=-]{8,}"), r"\1 …"),
    (
        re.compile(r"\bliuke_[A-Za-z0-9_-]{40,}"),
        "liuke_…",
    ),  # a token of the API, wherever it was put by mistake
    (re.compile(r"(\w+://[^:/\s@]*:)[^@\s/]+@"), r"\1…@"),
)
_SECRET_FIELD = re.compile(rf"(?i)^{_SECRET_WORDS}$")


def scrub(text: str) -> str:
    """Return ``text`` with tokens, passwords and keys replaced by an ellipsis."""
    for pattern, replacement in _SCRUBBED:
        text = pattern.sub(replacement, text)
    return text


def _scrub_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for name, value in event.items():
        if isinstance(name, str) and _SECRET_FIELD.match(name):
            event[name] = "…"
        elif isinstance(value, str):
            event[name] = scrub(value)
    return event


def _add_origin(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    from customers.ground import context

    origin = context.current()
    if origin.request_id:
        event.setdefault("request_id", origin.request_id)
        event.setdefault("channel", origin.channel)
    if origin.caused_by:
        event.setdefault("caused_by", origin.caused_by)
    return event


def _drop_request(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    # Django hangs the whole request on its records; its text holds the query string.
    for name in ("request", "server_time"):
        event.pop(name, None)
    if event.get("status_code", 500) < 500:  # refused or not found: nobody's mistake in the code
        event.pop("exc_info", None)
    return event


def configuration(*, level: str, as_json: bool) -> dict[str, Any]:
    """Return the ``LOGGING`` dictionary and set structlog up to write through it.

    Args:
        level: the least level that is written, by name.
        as_json: one JSON object a line; else lines for a person at a terminal.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        _add_origin,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Any] = [
        _drop_request,
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        _scrub_event,
    ]
    if as_json:
        last.append(structlog.processors.JSONRenderer(ensure_ascii=False))
    else:
        last.append(structlog.dev.ConsoleRenderer(colors=False))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": last,
                "foreign_pre_chain": [*shared, structlog.stdlib.ExtraAdder()],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"level": level, "handlers": ["stderr"], "propagate": False},
            "django.server": {"level": level, "handlers": ["stderr"], "propagate": False},
            "celery": {"level": "WARNING"},
            "kombu": {"level": "WARNING"},
            "amqp": {"level": "WARNING"},
            "waitress": {"level": "WARNING"},
        },
    }

"""Wires: settings, routes, worker, schedule, health. Holds no rules of business."""

from config.celery import app as celery_app

__all__ = ["celery_app"]

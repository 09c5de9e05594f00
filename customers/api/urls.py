"""Addresses of this app's API, below ``/api/v1/``."""

from __future__ import annotations

from customers.api import customers

RESOURCES = (("customers", customers.Customers, "customer"),)
"""Path, resource, and the stem of its route names (``customer-list``, ``customer-detail`` …)."""

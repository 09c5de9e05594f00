"""Addresses of this app's API, below ``/api/v1/``."""

from __future__ import annotations

from django.urls import path

from customers.api.batch import batch_of
from loyalty.api import accounts, rewards

ID = "[0-9]{1,18}"

RESOURCES = (
    ("loyalty-programmes", accounts.Programmes, "loyalty-programme"),
    ("points-accounts", accounts.Accounts, "points-account"),
    (f"points-accounts/(?P<account>{ID})/entries", accounts.Entries, "points-account-entry"),
    (f"points-accounts/(?P<account>{ID})/lots", accounts.Lots, "points-account-lot"),
    ("points-entries", accounts.SingleEntries, "points-entry"),
    ("points-adjustments", accounts.Adjustments, "points-adjustment"),
    ("referrals", accounts.Referrals, "referral"),
    ("rewards", rewards.Rewards, "reward"),
    ("redemptions", rewards.Redemptions, "redemption"),
)
"""Path, resource, and the stem of its route names (``reward-list``, ``reward-detail`` …)."""

PATHS = [
    path(
        "batch/points/",
        batch_of(
            "points",
            scope="loyalty:earn",
            example={
                "source": "old-card",
                "records": [
                    {
                        "external_id": "P-1",
                        "customer": "C-1",
                        "kind": "opening",
                        "points": "500",
                        "occurred_at": "2026-01-01T00:00:00+08:00",
                        "expires_on": "2026-12-31",
                    }
                ],
            },
        ).as_view({"post": "upsert"}),
        name="batch-points",
    ),
]

from django.apps import AppConfig


class LoyaltyConfig(AppConfig):
    """Will own points, tiers and rewards, with their ledger. It holds no table yet."""

    name = "loyalty"

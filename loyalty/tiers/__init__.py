"""Tiers: what counts for them, who moves and when, what they bring, and membership that is paid for."""

from loyalty.tiers.moving import move_account, move_accounts, move_all

__all__ = ["move_account", "move_accounts", "move_all"]

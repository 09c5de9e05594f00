from django.apps import AppConfig


class LoyaltyConfig(AppConfig):
    """Points, tiers, rewards and their ledger."""

    name = "loyalty"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from customers import movers
        from loyalty import notices

        notices.subscribe()
        movers.register_app("loyalty")

from django.apps import AppConfig


class LoyaltyConfig(AppConfig):
    """Points, tiers, rewards and their ledger."""

    name = "loyalty"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from customers import movers
        from loyalty import routine
        from loyalty.ledger import merging, taken_back

        merging.register()
        movers.register_undo_blocker("loyalty.points", taken_back.in_the_way)
        movers.register_undo_step("loyalty.points", taken_back.reverse)
        routine.register_all()
        movers.register_app("loyalty")

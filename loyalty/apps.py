from django.apps import AppConfig


class LoyaltyConfig(AppConfig):
    """Points, tiers, rewards and their ledger."""

    name = "loyalty"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.utils.translation import gettext_lazy as _

        from customers import movers
        from customers.undo import names
        from loyalty import notices, routine
        from loyalty.ledger import merging, taken_back

        merging.register()
        movers.register_undo_blocker("loyalty.points", taken_back.in_the_way)
        movers.register_undo_step(self.get_model("PointsEntry"), taken_back.reverse)
        names.register("loyalty.pointsentry", _("entry of points"), _("Entries of points"))
        routine.register_all()
        notices.subscribe()
        movers.register_app("loyalty")

from django.apps import AppConfig


class LoyaltyConfig(AppConfig):
    """Points, tiers, rewards and their ledger."""

    name = "loyalty"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.utils.translation import gettext_lazy as _

        from customers import movers
        from customers.api import traces
        from customers.undo import names
        from loyalty import imports, notices, routine
        from loyalty.api import scopes
        from loyalty.earning import events
        from loyalty.ledger import merging, taken_back

        scopes.register()
        imports.enter()
        traces.register("points", name=taken_back.REFERENCE, model=self.get_model("PointsEntry"))
        names.register("loyalty.pointsentry", _("movement of points"), _("Movements of points"))
        merging.register()
        movers.register_undo_blocker("loyalty.points", taken_back.in_the_way)
        movers.register_undo_step("loyalty.points", taken_back.reverse, made=taken_back.made_by)
        routine.register_all()
        events.subscribe()
        notices.subscribe()
        movers.register_app("loyalty")

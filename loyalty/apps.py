from django.apps import AppConfig


class LoyaltyConfig(AppConfig):
    """Points, tiers, rewards and their ledger."""

    name = "loyalty"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.utils.translation import gettext_lazy as _

        from customers import movers
        from customers.api import traces
        from customers.undo import names, theirs
        from loyalty import imports, landing, routine
        from loyalty.api import scopes
        from loyalty.earning import events
        from loyalty.ledger import merging
        from loyalty.pages import entries as pages

        scopes.register()
        imports.enter()
        entries = self.get_model("PointsEntry")
        traces.register("points", name=landing.REFERENCE, model=entries)
        names.register("loyalty.pointsentry", _("movement of points"), _("Movements of points"))
        theirs.register(theirs.Own(entries, landing.made_by, landing.take_back))
        movers.register_undo_blocker("loyalty.points", landing.in_the_way)
        merging.register()
        routine.register_all()
        events.subscribe()
        pages.enter()
        movers.register_app("loyalty")

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class CustomersConfig(AppConfig):
    name = "customers"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from customers import (
            causes,
            consents,
            invitations,  # noqa: F401 — enters its handler with the outbox
            movers,
            navigation,
        )
        from customers.api import scopes
        from customers.imports import background, delivered  # noqa: F401 — enters the drain's poller
        from customers.navigation import Entry
        from customers.pages import entries
        from customers.search import index

        scopes.register()
        movers.register(self.get_model("Contact"), mover=movers.move_contacts)
        movers.register(
            self.get_model("SearchToken"), mover=index.move, eraser=index.erase, exporter=index.export
        )
        movers.register(self.get_model("Consent"), mover=consents.move)
        movers.register_undo_blocker("customers.consents", consents.blocks_undo)
        delivered.register_all()
        movers.register_app("ground")
        movers.register_app("customers")
        navigation.register(
            Entry(
                "customers:user_list",
                _("Users and teams"),
                "users",
                frozenset({"admin", "team_lead", "analyst"}),
                position=20,
                section="setup",
                help=_("Colleagues, their roles, teams and how much each can carry."),
            )
        )
        navigation.register(
            Entry(
                "customers:import_list",
                _("Imports"),
                "upload",
                frozenset({"admin", "team_lead"}),
                position=80,
                section="settings",
            )
        )
        entries.enter()
        post_migrate.connect(causes.sync, sender=self, dispatch_uid="customers.causes")

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class CustomersConfig(AppConfig):
    name = "customers"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from customers import (
            attachments,
            causes,
            consents,
            invitations,  # noqa: F401 — enters its handler with the outbox
            keeping,
            merges,
            movers,
            navigation,
            routine,
            usage,
        )
        from customers.api import scopes
        from customers.erasure import log
        from customers.imports import background, delivered  # noqa: F401 — enters the drain's poller
        from customers.navigation import Entry
        from customers.pages import entries
        from customers.search import index
        from customers.undo import complaints as taken_back
        from customers.undo import invoices as settled

        scopes.register()
        movers.register(self.get_model("Contact"), mover=movers.move_contacts)
        attachments.register()
        movers.register(
            self.get_model("SearchToken"), mover=index.move, eraser=index.erase, exporter=index.export
        )
        movers.register(self.get_model("Consent"), mover=consents.move)
        movers.register(
            self.get_model("ExternalRef"),
            mover=movers.stay,  # merging makes them aliases itself
            eraser=movers.erase_references,
            exporter=movers.export_references,
        )
        keeping.register_all()
        routine.register_all()
        navigation.register(
            Entry(
                "customers:privacy_settings",
                pgettext_lazy("settings", "Privacy"),
                "shield",
                frozenset({"admin"}),
                position=60,
                section="setup",
                help=_("How long things are kept, the texts people agree to, receipts of erasures."),
            )
        )
        movers.register_undo_blocker("customers.consents", consents.blocks_undo)
        movers.register(self.get_model("Merge"), mover=movers.stay, eraser=merges.erase)
        movers.register(self.get_model("DuplicateProposal"), mover=movers.stay)
        movers.register(self.get_model("DuplicateKey"), mover=movers.stay)
        delivered.register_all()
        movers.register_app("ground")
        movers.register_app("customers")
        movers.register_follower("customers.complaints", taken_back.follow)
        movers.register_follower("customers.invoices", settled.follow)
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
                "customers:metric_list",
                _("Usage metrics"),
                "gauge",
                frozenset({"admin"}),
                position=60,
                section="setup",
                help=_("What is counted of how customers use what they have: logins, visits, balances."),
            )
        )
        navigation.register(
            Entry(
                "customers:competitor_list",
                _("Competitors"),
                "swords",
                frozenset({"admin", "team_lead"}),
                position=65,
                section="setup",
                help=_("Who else courts your customers: names and aliases, products, talking points."),
            )
        )
        navigation.register(
            Entry(
                "customers:community_list",
                _("Communities"),
                "messages-square",
                frozenset({"admin"}),
                position=61,
                section="setup",
                help=_("The groups that customers belong to: WeChat, WeCom, QQ, DingTalk, forums."),
            )
        )
        navigation.register(
            Entry(
                "customers:indicator_list",
                _("Indicators"),
                "activity",
                frozenset({"admin"}),
                position=62,
                section="setup",
                help=_("Figures of your own about customers, and which way each is bad."),
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
        navigation.register(
            Entry(
                "customers:attribute_list",
                _("Attributes"),
                "tags",
                frozenset({"admin"}),
                position=50,
                section="setup",
                help=_("What this business itself wants to know of its customers."),
            )
        )
        entries.enter()
        post_migrate.connect(causes.sync, sender=self, dispatch_uid="customers.causes")
        post_migrate.connect(log.open_book, sender=self, dispatch_uid="customers.erasure")
        post_migrate.connect(usage.sync, sender=self, dispatch_uid="customers.usage")

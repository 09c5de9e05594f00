from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CustomersConfig(AppConfig):
    name = "customers"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from customers import (
            attachments,
            causes,
            consents,
            contact,  # noqa: F401 — enters the drain's poller
            invitations,  # noqa: F401 — enters its handler with the outbox
            keeping,
            merges,
            movers,
            routine,
            text,
            usage,
        )
        from customers.api import scopes
        from customers.channels import sending  # noqa: F401 — enters the drain's poller
        from customers.erasure import log
        from customers.feedback import keeping as feedback_kept
        from customers.imports import background, delivered  # noqa: F401 — enters the drain's poller
        from customers.mentions import keeping as mentioned
        from customers.pages import entries
        from customers.search import index
        from customers.undo import complaints as taken_back
        from customers.undo import invoices as settled

        scopes.register()
        feedback_kept.register()
        movers.register(self.get_model("Contact"), mover=movers.move_contacts)
        attachments.register()
        movers.register(
            self.get_model("SearchToken"), mover=index.move, eraser=index.erase, exporter=index.export
        )
        movers.register(self.get_model("Mention"), eraser=mentioned.erase)
        movers.register(self.get_model("Consent"), mover=consents.move)
        movers.register(
            self.get_model("ExternalRef"),
            mover=movers.stay,  # merging makes them aliases itself
            eraser=movers.erase_references,
            exporter=movers.export_references,
        )
        text.sources.register_all()
        movers.register(self.get_model("TextReading"), eraser=text.erase, exporter=text.export)
        movers.register_follower("customers.text", text.forget)
        keeping.register_all()
        routine.register_all()
        movers.register_undo_blocker("customers.consents", consents.blocks_undo)
        movers.register(self.get_model("Merge"), mover=movers.stay, eraser=merges.erase)
        movers.register(self.get_model("DuplicateProposal"), mover=movers.stay)
        movers.register(self.get_model("DuplicateKey"), mover=movers.stay)
        delivered.register_all()
        movers.register_app("ground")
        movers.register_app("customers")
        movers.register_follower("customers.complaints", taken_back.follow)
        movers.register_follower("customers.invoices", settled.follow)
        entries.enter()
        post_migrate.connect(causes.sync, sender=self, dispatch_uid="customers.causes")
        post_migrate.connect(log.open_book, sender=self, dispatch_uid="customers.erasure")
        post_migrate.connect(usage.sync, sender=self, dispatch_uid="customers.usage")

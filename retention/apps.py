from django.apps import AppConfig
from django.db.models.signals import post_migrate


class RetentionConfig(AppConfig):
    name = "retention"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from customers import movers
        from retention import sweep  # noqa: F401  — registers its poller with the drain
        from retention.api import scopes
        from retention.cases import complaints
        from retention.measures import merging
        from retention.pages import entries
        from retention.rules import ready
        from retention.segments import counting

        complaints.subscribe()
        counting.subscribe()
        scopes.register()
        entries.enter()
        movers.register(self.get_model("CustomerMeasures"), mover=merging.move)
        movers.register_app("retention")
        post_migrate.connect(ready.sync_after_migrate, sender=self, dispatch_uid="retention.rules")

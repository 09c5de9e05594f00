from django.apps import AppConfig


class RetentionConfig(AppConfig):
    name = "retention"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from customers import movers
        from retention.cases import complaints

        complaints.subscribe()
        movers.register_app("retention")

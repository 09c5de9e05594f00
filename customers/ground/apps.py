from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class GroundConfig(AppConfig):
    name = "customers.ground"
    label = "ground"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from customers.ground import clock, guards

        pre_migrate.connect(guards.remove_before_migrate, sender=self, dispatch_uid="ground.guards.off")
        post_migrate.connect(guards.install_after_migrate, sender=self, dispatch_uid="ground.guards.on")
        post_migrate.connect(clock.fix_after_migrate, sender=self, dispatch_uid="ground.clock")

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CustomersConfig(AppConfig):
    name = "customers"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from customers import navigation
        from customers.navigation import Entry

        navigation.register(
            Entry(
                "customers:user_list",
                _("Users and teams"),
                "users",
                frozenset({"admin", "team_lead", "analyst"}),
                position=90,
                section="settings",
            )
        )

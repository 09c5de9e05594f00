from django.apps import AppConfig


class WiringConfig(AppConfig):
    """Holds the commands that run the system as a whole, and no table."""

    name = "config"

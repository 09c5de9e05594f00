from django.apps import AppConfig


class SurveysConfig(AppConfig):
    """Will own what customers say: surveys, invitations and responses. It holds no table yet."""

    name = "surveys"

from django.apps import AppConfig


class SurveysConfig(AppConfig):
    """What customers say: surveys, invitations and responses."""

    name = "surveys"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.utils.translation import gettext_lazy as _

        from customers import movers, text
        from customers.api import traces
        from surveys import history, keeping, routine, sending
        from surveys.api import scopes
        from surveys.distributions import (
            handing,  # noqa: F401 — enters the drain's poller
            planning,  # noqa: F401 — enters the drain's poller and the handler of events
            triggers,
        )
        from surveys.pages import entries

        scopes.register()
        text.sources.register(
            text.sources.Source("survey", _("answer to a survey"), self.get_model("SurveyAnswer"))
        )
        history.enter()
        traces.register(
            "responses",
            name="surveyasked",
            model=self.get_model("SurveyAsked"),
            parts=(
                (self.get_model("SurveyResponse"), "asked_id"),
                (self.get_model("SurveyAnswer"), "response__asked_id"),
            ),
        )
        entries.enter()
        keeping.register_all()
        routine.register_all()
        sending.subscribe()
        triggers.register_own()
        movers.register_app("surveys")

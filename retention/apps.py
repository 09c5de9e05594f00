from django.apps import AppConfig
from django.db.models.signals import post_migrate


class RetentionConfig(AppConfig):
    name = "retention"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.urls import reverse

        from customers import complaints as filed
        from customers import in_use, movers, objections, showing, text
        from loyalty import links as member_links
        from retention import (
            asking,
            backtest,  # noqa: F401  — registers its poller with the drain
            interviews,
            keeping,
            routine,
            sweep,  # noqa: F401  — registers its poller with the drain
        )
        from retention.api import scopes
        from retention.care import greeting
        from retention.care import told as care_told
        from retention.cases import answers, closing, complaints, labels, taken_back
        from retention.cases import merging as cases_merging
        from retention.changes import informing, tagging
        from retention.improving import telling
        from retention.loop import asking as loop_asking
        from retention.loop import erasing as loop_erasing
        from retention.loop import handling as loop_handling
        from retention.measures import learning, making, merging  # noqa: F401  — learning says what is learnt
        from retention.pages import entries
        from retention.rules import ready, told
        from retention.segments import counting

        complaints.subscribe()
        answers.subscribe()
        loop_handling.subscribe()  # behind what opens cases
        loop_asking.register()
        filed.guard_resolving(loop_asking.guard)
        loop_erasing.register()
        asking.register_all()
        interviews.subscribe()
        informing.subscribe()
        tagging.subscribe()
        telling.subscribe()
        greeting.subscribe()
        in_use.register("retention.measures", making.users_of)
        objections.register("retention.cases", closing.objected)
        keeping.register_all()
        routine.register_all()
        cases_merging.register()
        text.sources.register_labels("retention.cases", labels.labels)
        counting.subscribe()
        scopes.register()
        entries.enter()
        movers.register(self.get_model("CustomerMeasures"), mover=merging.move)
        movers.register(self.get_model("EarlyWarning"), exporter=told.export_warnings, hides=True)
        movers.register(self.get_model("Holdout"), exporter=told.export_nothing, hides=True)
        movers.register(
            self.get_model("CareTouch"),
            eraser=care_told.erase_touches,
            exporter=care_told.export_touches,
            hides=True,
        )
        movers.register(self.get_model("CareDraw"), exporter=care_told.export_nothing, hides=True)
        for derived in ("Standing", "StandingVersion"):
            # how each of the two stood; the survivor is judged by what it has become
            movers.register(self.get_model(derived), mover=movers.stay)
        movers.register_app("retention")
        loops = self.get_model("LoopClosure")
        movers.register_undo_blocker("retention.cases", taken_back.in_the_way, answers_for=[loops])
        movers.register_follower("retention.cases", taken_back.follow)
        member_links.register_page(lambda token: reverse("retention:member", args=[token]))
        showing.register("member_links", lambda pk: reverse("retention:customer_member", args=[pk]))
        showing.register("customer", lambda pk: reverse("retention:customer", args=[pk]))
        post_migrate.connect(ready.sync_after_migrate, sender=self, dispatch_uid="retention.rules")

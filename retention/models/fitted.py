"""What was learnt from the company's own customers, kept with the moment up to which it was learnt."""

from __future__ import annotations

from django.db import models

from customers.ground.privacy import declare


class FittedParameters(models.Model):
    """Parameters of a kind; as of a moment those count that were fitted last, at it or before.

    ``values`` holds numbers only; ``customers`` says of how many they were learnt. Rows are never
    changed, so that a moment of the past keeps its parameters.
    """

    kind = models.CharField(max_length=32)
    fitted_as_of = models.DateTimeField()  # only facts known before it were read
    values = models.JSONField()
    customers = models.PositiveIntegerField()
    made_at = models.DateTimeField()

    privacy = declare(none_keep="id kind fitted_as_of values customers made_at")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "fitted_as_of"], name="fitted_once_a_moment")]

    def __str__(self) -> str:
        return f"{self.kind} {self.fitted_as_of:%Y-%m-%d}"

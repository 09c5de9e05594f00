"""The wide table: the current value of every stored measure, a row a customer."""

from __future__ import annotations

from typing import Any

from django.db import models

from customers.ground.privacy import Data, Erasure, declare
from retention import measures


def _columns() -> dict[str, Any]:
    made: dict[str, Any] = {}
    for measure in measures.stored():
        if measure.unit == measures.Unit.CODE:
            made[measure.code] = models.CharField(max_length=32, null=True)  # null: unknown is not empty
        else:
            made[measure.code] = models.BigIntegerField(null=True)
    return made


class WideRow(models.Model):
    """The fixed columns of the wide table."""

    customer = models.OneToOneField(
        "customers.Customer", primary_key=True, on_delete=models.PROTECT, related_name="measures"
    )
    as_of = models.DateTimeField()

    class Meta:
        abstract = True


CustomerMeasures: Any = type(
    "CustomerMeasures",
    (WideRow,),
    {
        "__module__": __name__,
        "__doc__": "One row a customer; a write acts only when its as_of is newer (decision 11).",
        **_columns(),
        "privacy": {
            **declare(conduct_keep="customer", none_keep="as_of"),
            **{m.code: (Data.CONDUCT, Erasure.KEEP) for m in measures.stored()},
        },
    },
)


class MeasureCoverage(models.Model):
    """Of how many customers a measure was known, and how new its facts were, when the night was over."""

    code = models.CharField(max_length=64, unique=True)
    day = models.IntegerField()  # local day on which it was counted
    as_of = models.DateTimeField()
    known = models.PositiveIntegerField()
    customers = models.PositiveIntegerField()
    newest_day = models.IntegerField(null=True)  # local day of the newest fact of its source; none: no fact

    privacy = declare(none_keep="id code day as_of known customers newest_day")

    def __str__(self) -> str:
        return self.code


class MeasureState(models.Model):
    """What the wide table was last refreshed with: the nightly pass needs only what came after."""

    day = models.IntegerField()  # local day of the last full or changed pass
    as_of = models.DateTimeField()
    fingerprint = models.CharField(max_length=64)

    privacy = declare(none_keep="id day as_of fingerprint")

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="measure_state_one_row")]

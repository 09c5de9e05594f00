"""What an order brings before returns, for caps; what of a shortfall was taken, and what was gone already.

No constraint by account says any more which order is the first of a customer.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from django.db import migrations, models
from django.db.models import F

_AT_ONCE = 1000
_HALF = Fraction(1, 2)


def fill(apps: Any, schema_editor: Any) -> None:
    """Write what orders brought: what they bring where nothing came back, else from the exact points."""
    rows = apps.get_model("loyalty", "OrderEarning").objects.using(schema_editor.connection.alias)
    rows.filter(came_back={}).update(brought=F("points"))
    last = 0
    while found := list(
        rows.exclude(came_back={})
        .filter(pk__gt=last)
        .select_related("programme")
        .only("exact", "context", "programme__rounding")
        .order_by("pk")[:_AT_ONCE]
    ):
        last = found[-1].pk
        for row in found:
            rounding = row.context.get("rounding", row.programme.rounding)
            row.brought = (Fraction(row.exact) + (_HALF if rounding == "half_up" else 0)).__floor__()
        rows.bulk_update(found, ["brought"])


class Migration(migrations.Migration):
    dependencies = [("loyalty", "0001_initial")]

    operations = [
        migrations.RemoveConstraint(model_name="orderearning", name="order_earning_first_once"),
        migrations.AddField(
            model_name="orderearning", name="brought", field=models.PositiveBigIntegerField(default=0)
        ),
        migrations.AddField(
            model_name="orderearning", name="adjusted", field=models.PositiveBigIntegerField(default=0)
        ),
        migrations.AddField(
            model_name="orderearning", name="gone", field=models.PositiveBigIntegerField(default=0)
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]

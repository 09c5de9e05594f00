"""Write what orders brought before returns: from their exact points, a thousand at a time, each committed.

Goes on where it was stopped. What the version before writes meanwhile is set right when its order is told of
again.
"""

from fractions import Fraction
from typing import Any

from django.db import migrations
from django.db.models import F, Q

_AT_ONCE = 1000
_HALF = Fraction(1, 2)


def fill(apps: Any, schema_editor: Any) -> None:
    rows = apps.get_model("loyalty", "OrderEarning").objects.using(schema_editor.connection.alias)
    waiting = rows.filter(brought=0).exclude(Q(exact="0") & Q(points=0)).order_by("pk")
    last = 0
    while ids := list(waiting.filter(pk__gt=last).values_list("pk", flat=True)[:_AT_ONCE]):
        last = ids[-1]
        some = rows.filter(pk__in=ids)
        some.filter(came_back={}).update(brought=F("points"))
        returned = list(some.exclude(came_back={}).select_related("programme"))
        for row in returned:
            rounding = row.context.get("rounding", row.programme.rounding)
            row.brought = (Fraction(row.exact) + (_HALF if rounding == "half_up" else 0)).__floor__()
        rows.bulk_update(returned, ["brought"])


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("loyalty", "0002_order_earning_brought")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]

"""What goes when a person is erased: words, names and addresses, and the way back by an import or feed."""

from __future__ import annotations

from typing import Any

from customers.erasure import names
from customers.ground import clock
from customers.ground.models import HolderKey, SealedValue
from customers.models import Mention


def erase(person: str, pk: int) -> int:
    """Empty the mentions of a customer or contact (an eraser of ``movers``).

    Their ids are kept as keyed hashes, so that no feed or file brings them back; what an edit sealed while
    they were nobody's lies under a key of their own and goes, too.
    """
    said: dict[str, Any] = dict.fromkeys(("external_id", "handle", "url", "text"), "")
    rows = Mention.objects.filter(**{f"{person}_id": pk}).exclude(**said)
    found = list(
        rows.select_for_update(of=("self",)).order_by("pk").values_list("pk", "platform", "external_id")
    )
    if not found:
        return 0
    ids = [number for number, _platform, _name in found]
    hashed = names.of_named("mention", [(platform, name) for _pk, platform, name in found if name])
    names.remember(hashed, at=clock.real_now())
    label = Mention._meta.label_lower
    SealedValue.objects.filter(subject_type=label, subject_id__in=ids).delete()
    HolderKey.objects.filter(holder__in=[f"mention:{number}" for number in ids]).delete()
    return Mention.objects.filter(pk__in=ids).update(**said)

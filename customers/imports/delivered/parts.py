"""Fields that several kinds have, and the words by which files name choices."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from customers.imports.cells import Field, Type

IDS = ("id", "externalid", "编号", "code", "key", "no", "number", "代码")
CUSTOMER_GUESSES = (
    "customer",
    "customerid",
    "customerno",
    "customercode",
    "custid",
    "clientid",
    "client",
    "accountid",
    "account",
    "客户",
    "客户编号",
    "客户号",
    "客户id",
    "客户代码",
)
RECORDED = Field(
    "recorded_at",
    _("known since"),
    Type.MOMENT,
    guesses=("recordedat", "knownsince", "enteredat", "登记时间", "录入时间"),
    default=None,
)
CUSTOMERS = ("CU-1001", "CU-1002", "CU-1003")  # of the samples
NEW_CUSTOMER = (
    Field(
        "customer_name",
        _("name of a new customer"),
        guesses=("customername", "clientname", "客户名称", "客户名"),
    ),
    Field(
        "customer_segment",
        _("segment of a new customer"),
        guesses=("country", "segment", "region", "国家", "地区"),
        most=64,
    ),
    Field("customer_city", _("city of a new customer"), guesses=("city", "town", "城市"), most=100),
)
LANGUAGES = {
    "en": "en",
    "english": "en",
    "英文": "en",
    "zh": "zh-hans",
    "zh-cn": "zh-hans",
    "zh-hans": "zh-hans",
    "chinese": "zh-hans",
    "中文": "zh-hans",
}


def customer() -> Field:
    """Return the field that names the customer."""
    return Field(
        "customer", _("customer's id"), Type.ID, required=True, guesses=CUSTOMER_GUESSES, example=CUSTOMERS
    )


def external_id(*guesses: str) -> Field:
    """Return the field of the source's own id."""
    return Field("external_id", _("id"), Type.ID, required=True, guesses=(*guesses, *IDS))


def words(known: dict[Any, Any], **aliases: Any) -> dict[str, Any]:
    """Return every word that means a choice: its code, and the aliases."""
    words = {str(code).lower(): code for code in known}
    for code, names in aliases.items():
        words.update({name: next(c for c in known if str(c) == code.lstrip("_")) for name in names.split()})
    return words

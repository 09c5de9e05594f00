"""What people agreed to."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.imports import checks, landing
from customers.imports.cells import Field, Type
from customers.imports.delivered.parts import RECORDED, customer, external_id, words
from customers.imports.kinds import Kind
from customers.models import Channel, Purpose

_PURPOSES = words(
    dict(Purpose.choices),
    survey="surveys 调查 问卷 满意度调查",
    offer="offers marketing newsletter 营销 优惠 推广",
    care="greetings 关怀 客户关怀",
    service="服务",
    profiling="画像 客户画像 分析",
)
_CHANNELS = words(
    dict(Channel.choices),
    phone="call telephone 电话",
    email="mail e-mail 邮件 电子邮件",
    sms="text 短信",
    messenger="wechat im whatsapp 微信 即时消息",
    post="letter 邮寄 信函",
)

KINDS = (
    Kind(
        "consents",
        _("Consents"),
        (
            external_id("consentid", "同意编号"),
            customer(),
            Field(
                "contact",
                _("contact's id"),
                Type.ID,
                guesses=("contact", "contactid", "联系人编号"),
                default=None,
            ),
            Field(
                "purpose",
                _("purpose"),
                Type.CHOICE,
                required=True,
                guesses=("purpose", "topic", "用途", "目的"),
                choices=_PURPOSES,
                example=(("survey", "问卷"), ("newsletter", "营销"), ("greetings", "关怀")),
            ),
            Field(
                "channel",
                _("channel"),
                Type.CHOICE,
                guesses=("channel", "medium", "渠道"),
                choices=_CHANNELS,
                example=(("email", "邮件"), ("phone", "电话"), ("wechat", "微信")),
            ),
            Field(
                "is_given",
                pgettext_lazy("consent", "given"),
                Type.FLAG,
                required=True,
                guesses=("given", "isgiven", "consent", "optin", "同意", "是否同意"),
            ),
            Field(
                "text",
                _("text and version"),
                guesses=("text", "textversion", "文本", "文本版本"),
                most=80,
            ),
            Field(
                "occurred_at",
                _("happened at"),
                Type.MOMENT,
                required=True,
                guesses=("occurredat", "happenedat", "date", "datetime", "time", "时间", "日期"),
            ),
            RECORDED,
        ),
        landing.land_consents,
        occurred="occurred_at",
        check=checks.check_consent,
    ),
)

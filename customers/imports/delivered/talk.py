"""What is said: interactions and complaints."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from customers.imports import checks, landing
from customers.imports.cells import Field, Type
from customers.imports.delivered.parts import NEW_CUSTOMER, RECORDED, customer, external_id, words
from customers.imports.kinds import Kind
from customers.models import Complaint, FeedbackKind, Interaction

_INTERACTIONS = words(
    dict(Interaction.Kind.choices),
    call="phone telephone 电话 通话",
    visit="拜访 上门",
    meeting="会议 会面",
    chat="message sms wechat im 微信 聊天 短信",
    email="mail e-mail 邮件 电子邮件",
)
_DIRECTIONS = words(
    dict(Interaction.Direction.choices),
    out="outbound outgoing 呼出 主动",
    **{"in": "inbound incoming 呼入 来访"},
)
_CHANNELS = words(
    dict(Complaint.Channel.choices),
    phone="call 电话",
    email="mail e-mail 邮件",
    chat="wechat im 微信 聊天",
    visit="拜访 上门",
    web="form website 网页 网站",
    other="其他",
)
_FEEDBACK = words(
    dict(FeedbackKind.choices),
    complaint="投诉",
    suggestion="idea proposal 建议",
    question="request enquiry inquiry 咨询 售后",
    praise="compliment 表扬",
)
_SEVERITIES = words(
    dict(Complaint.Severity.choices),
    _1="low minor 低 轻微",
    _2="medium normal 中 一般",
    _3="high major critical 高 严重",
)

KINDS = (
    Kind(
        "interactions",
        _("Interactions"),
        (
            external_id("interactionid", "activityid", "互动编号", "记录编号"),
            customer(),
            Field(
                "occurred_at",
                _("happened at"),
                Type.MOMENT,
                required=True,
                guesses=("occurredat", "happenedat", "date", "datetime", "time", "时间", "日期", "联系时间"),
            ),
            Field(
                "kind",
                _("kind"),
                Type.CHOICE,
                required=True,
                guesses=("kind", "type", "channel", "类型", "方式"),
                choices=_INTERACTIONS,
            ),
            Field(
                "direction",
                _("direction"),
                Type.CHOICE,
                guesses=("direction", "方向"),
                choices=_DIRECTIONS,
                default=Interaction.Direction.OUT,
            ),
            Field(
                "reached",
                _("reached"),
                Type.FLAG,
                guesses=("reached", "connected", "answered", "是否接通", "接通"),
                default=True,
            ),
            Field(
                "contact",
                _("contact's id"),
                Type.ID,
                guesses=("contact", "contactid", "联系人编号"),
                default=None,
            ),
            Field(
                "by",
                _("colleague"),
                guesses=("by", "user", "agent", "employee", "员工", "经办人"),
                default=None,
            ),
            Field(
                "text",
                _("what was said"),
                guesses=("text", "notes", "note", "content", "内容", "备注"),
                most=20000,
                example=(
                    ("Asked for a new price list", "索要新报价单"),
                    ("Visited the shop", "上门拜访"),
                    "",
                ),
            ),
            NEW_CUSTOMER[0],
            RECORDED,
        ),
        landing.land_interactions,
        occurred="occurred_at",
    ),
    Kind(
        "complaints",
        _("Complaints"),
        (
            external_id("complaintid", "ticketid", "ticket", "caseid", "投诉编号", "工单号"),
            customer(),
            Field(
                "occurred_at",
                _("complained at"),
                Type.MOMENT,
                required=True,
                guesses=(
                    "occurredat",
                    "openedat",
                    "createdat",
                    "date",
                    "filedat",
                    "投诉时间",
                    "时间",
                    "日期",
                ),
            ),
            Field(
                "text",
                _("what went wrong"),
                required=True,
                guesses=("text", "complaint", "description", "content", "内容", "投诉内容", "问题"),
                most=20000,
                example=(
                    ("Two boxes arrived wet", "两箱货到时受潮"),
                    ("The invoice is wrong", "发票有误"),
                    ("Delivery was a week late", "交货晚了一周"),
                ),
            ),
            Field(
                "kind",
                _("kind"),
                Type.CHOICE,
                guesses=("kind", "feedbackkind", "feedbacktype", "反馈类型", "来件类型"),
                choices=_FEEDBACK,
                default=FeedbackKind.COMPLAINT,
            ),
            Field(
                "channel",
                _("channel"),
                Type.CHOICE,
                guesses=("channel", "渠道"),
                choices=_CHANNELS,
                default=Complaint.Channel.OTHER,
            ),
            Field(
                "category",
                _("category"),
                guesses=("category", "type", "类别", "分类"),
                most=64,
                example=(("quality", "质量"), ("billing", "账务"), ("delivery", "物流")),
            ),
            Field(
                "severity",
                _("severity"),
                Type.CHOICE,
                guesses=("severity", "priority", "严重程度", "优先级"),
                choices=_SEVERITIES,
                default=int(Complaint.Severity.MEDIUM),
            ),
            Field(
                "contact",
                _("contact's id"),
                Type.ID,
                guesses=("contact", "contactid", "联系人编号"),
                default=None,
            ),
            Field(
                "order",
                _("order's id"),
                Type.ID,
                guesses=("order", "orderid", "orderno", "订单号", "订单编号"),
                default=None,
            ),
            Field(
                "product",
                _("product code"),
                Type.ID,
                guesses=("product", "productcode", "sku", "商品编号", "产品编号", "货号"),
                most=64,
                default=None,
            ),
            Field("lot", _("lot"), guesses=("lot", "lotno", "batchno", "批次", "批号"), most=64),
            Field(
                "cause",
                _("code of the cause"),
                Type.ID,
                guesses=("cause", "causecode", "rootcause", "原因代码"),
                most=64,
                default=None,
            ),
            Field(
                "due_on",
                _("to be resolved by"),
                Type.DAY,
                guesses=("dueon", "due", "duedate", "deadline", "截止日期"),
                default=None,
            ),
            Field(
                "acknowledged_at",
                _("acknowledged at"),
                Type.MOMENT,
                guesses=("acknowledgedat", "acknowledged", "受理时间"),
                default=None,
            ),
            Field(
                "resolved_at",
                _("resolved at"),
                Type.MOMENT,
                guesses=("resolvedat", "resolved", "closedat", "解决时间"),
                default=None,
            ),
            Field(
                "reopened_at",
                _("reopened at"),
                Type.MOMENT,
                guesses=("reopenedat", "reopened", "重新打开时间"),
                default=None,
            ),
            NEW_CUSTOMER[0],
            RECORDED,
        ),
        landing.land_complaints,
        occurred="occurred_at",
        check=checks.check_complaint,
    ),
)

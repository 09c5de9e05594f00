"""What customers owe and pay: invoices, each with its payments."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from customers.imports import checks, landing
from customers.imports.cells import Field, Type
from customers.imports.delivered.parts import NEW_CUSTOMER, RECORDED, customer, external_id, words
from customers.imports.kinds import Kind
from customers.models import InvoiceEvent

_OUTCOMES = words(
    {code: label for code, label in InvoiceEvent.Kind.choices if code != InvoiceEvent.Kind.ISSUED},
    paid="success succeeded ok complete completed 已付 已付款 成功 已支付 已收款",
    failed="failure declined rejected error returned 失败 支付失败 扣款失败 退回",
    written_off="writeoff credited credit 核销 冲销 坏账",
)
_METHODS = words(
    dict(InvoiceEvent.Method.choices),
    transfer="bank wire banktransfer 转账 银行转账 对公转账",
    card="creditcard visa mastercard 银行卡 信用卡",
    debit="sepa directdebit 代扣 自动扣款",
    alipay="支付宝",
    wechat="wechatpay weixin 微信 微信支付",
    cash="现金",
    other="其他",
)

KINDS = (
    Kind(
        "payments",
        _("Invoices and payments"),
        (
            external_id(
                "invoice",
                "invoiceid",
                "invoiceno",
                "invoicenumber",
                "发票号",
                "发票编号",
                "账单号",
                "账单编号",
            ),
            customer(),
            Field(
                "occurred_at",
                _("issued at"),
                Type.MOMENT,
                required=True,
                guesses=(
                    "issuedat",
                    "issued",
                    "issuedate",
                    "invoicedate",
                    "date",
                    "开票日期",
                    "开票时间",
                    "账单日期",
                ),
            ),
            Field(
                "due_on",
                _("due on"),
                Type.DAY,
                required=True,
                guesses=("dueon", "due", "duedate", "payby", "到期日", "到期日期", "应付日期", "付款期限"),
            ),
            Field(
                "total",
                _("amount of the invoice"),
                Type.PRICE,
                required=True,
                guesses=("total", "invoiceamount", "invoicetotal", "发票金额", "账单金额", "应付金额"),
            ),
            Field("currency", _("currency"), Type.CURRENCY, guesses=("currency", "币种", "货币")),
            Field("number", _("invoice number to show"), Type.ID, most=64),
            Field(
                "paid_at",
                _("paid at, or tried to"),
                Type.MOMENT,
                guesses=(
                    "paidat",
                    "paid",
                    "paymentdate",
                    "paidon",
                    "付款日期",
                    "付款时间",
                    "支付时间",
                    "收款日期",
                ),
                default=None,
            ),
            Field(
                "amount",
                _("amount paid; empty: the whole invoice"),
                Type.PRICE,
                guesses=(
                    "amount",
                    "paidamount",
                    "amountpaid",
                    "payment",
                    "paymentamount",
                    "付款金额",
                    "支付金额",
                    "收款金额",
                ),
                default=None,
            ),
            Field(
                "outcome",
                _("what became of the payment"),
                Type.CHOICE,
                guesses=("outcome", "status", "paymentstatus", "result", "付款状态", "支付状态", "状态"),
                choices=_OUTCOMES,
                default=InvoiceEvent.Kind.PAID,
            ),
            Field(
                "method",
                _("method of payment"),
                Type.CHOICE,
                guesses=("method", "paymentmethod", "paidby", "付款方式", "支付方式"),
                choices=_METHODS,
            ),
            NEW_CUSTOMER[0],
            RECORDED,
        ),
        landing.land_payments,
        occurred="occurred_at",
        is_grouped=True,
        check=checks.check_payment,
        parts=("paid_at", "amount", "outcome", "method"),
        parts_name="payments",
        needs_parts=False,
    ),
)

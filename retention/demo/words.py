"""What the demo company's customers say and what its people answer, in Chinese and English."""

# ruff: noqa: E501 — sentences in two languages
from __future__ import annotations

Pair = tuple[str, str]

QUESTIONS: tuple[Pair, ...] = (
    ("发票抬头改成分公司需要什么材料？", "What do you need to put our branch's name on the invoice?"),
    ("周六可以送货吗？", "Do you deliver on Saturdays?"),
    ("一次订三个月的用量，能分批送吗？", "If we order for three months, can you deliver in parts?"),
    ("上个月的对账单能再发一份吗？", "Could you send last month's statement again?"),
    ("这款手套有食品接触的检测报告吗？", "Is there a test report for food contact for these gloves?"),
)
SUGGESTIONS: tuple[Pair, ...] = (
    (
        "希望外箱上印清楚生产批次，入库方便一些。",
        "Please print the lot clearly on the box; it would help our store.",
    ),
    ("能不能在送货前一小时发短信？", "Could you text us an hour before the delivery?"),
    ("纸箱可以回收再用，现在太浪费了。", "The boxes could be collected and used again; it is a waste now."),
    ("建议网上能直接查库存。", "It would be good to see your stock online."),
)
PRAISE: tuple[Pair, ...] = (
    (
        "上周临时加货，当天就送到了，非常感谢！",
        "We needed more at short notice last week, and it came the same day. Thank you!",
    ),
    (
        "客户经理每次都提前提醒我们备货，很省心。",
        "Our account manager always reminds us in time. It takes a load off us.",
    ),
    (
        "司机师傅帮忙搬到二楼，服务真好。",
        "The driver carried everything up to the second floor. Great service.",
    ),
)
CONTACTS: tuple[Pair, ...] = (
    ("电话里道了歉，问清了经过。", "Apologised on the phone and heard what had happened."),
    ("微信上回了，答应今天给说法。", "Answered by chat and promised an answer today."),
    ("到店看了一下，拍了照片。", "Went there, had a look and took pictures."),
)
DONE: dict[str, Pair] = {
    "late": ("改由早班车送，每周二、周五上午。", "Moved to the early van: Tuesdays and Fridays in the morning."),
    "damaged": ("当天补送了一批，破损的已取回。", "Sent the goods again the same day and took the broken ones back."),
    "wrong": ("补齐了少送的货，仓库加了复核。", "Brought what was missing; the warehouse now checks twice."),
    "invoice": ("发票已作废重开，电子版已发。", "The invoice was cancelled and made anew, and sent by e-mail."),
    "price": ("说明了涨价原因，给了三个月的老客户价。", "Explained the new price and kept the old one for three months."),
    "staff": ("换了专人对接，主管打了电话。", "Somebody of their own looks after them now; the lead called."),
    "question": ("逐条回复，并附上了资料。", "Answered point by point, with the papers attached."),
    "suggestion": ("记入改进计划，由仓库负责。", "Taken up as an improvement; the warehouse sees to it."),
    "refused": ("目前做不到：量太小，成本太高。", "Not possible for now: too few ask for it, and it costs too much."),
    "praise": ("已转达给同事。", "Passed on to the colleague."),
}  # fmt: skip
MESSAGE: Pair = (
    "您反映的事情我们这样处理了：{done}现在解决了吗？",
    "This is what we did about it: {done} Is it solved?",
)
NOT_SOLVED: Pair = ("还是老样子，没有人联系我们。", "It is as it was before, and nobody got in touch.")
TOLD_US: Pair = ("回访电话里说已经好了。", "Said so when we called again.")
FILED_TWICE: Pair = ("同一件事登记了两次。", "Filed twice.")

# kind, words, name, whether an order is named, what became of it
UNKNOWN: tuple[tuple[str, Pair, Pair, str, str], ...] = (
    ("complaint", ("昨天送来的餐盒少了一箱，请核实。", "A box of the takeaway boxes was missing yesterday. Please check."), ("小周", "Joe"), "order", "open"),
    ("question", ("你们送到郊区吗？最低起订量是多少？", "Do you deliver outside town? What is the least one can order?"), ("孙女士", "Ms Hall"), "new", "direct"),
    ("complaint", ("电话打了三次都没人接。", "I called three times and nobody answered."), ("", ""), "", "general"),
    ("suggestion", ("网站上找不到对账单，希望能自己下载。", "I cannot find statements on your site. Please let us download them."), ("财务小李", "Lee, accounts"), "order", "linked"),
    ("complaint", ("洗洁精漏了一桶，纸箱全湿了。", "One of the cans of dish soap leaked and the boxes are soaked."), ("王师傅", "Will"), "order", "open"),
    ("praise", ("送货的小伙子很有礼貌，点赞！", "The young man who delivers is very polite. Well done!"), ("", ""), "", "open"),
    ("question", ("可以开增值税专用发票吗？", "Can I have a VAT invoice?"), ("陈先生", "Mr Chan"), "known", "recognised"),
    ("question", ("我们推广企业培训，有兴趣吗？", "We sell training for companies. Are you interested?"), ("推广", "Sales"), "new", "none"),
    ("complaint", ("订单说已送达，可是我们没收到。", "It says delivered, but nothing came."), ("前台", "Reception"), "order", "open"),
    ("question", ("新店开业想询价，联系哪位？", "We are opening a shop and want prices. Who can help?"), ("何店长", "Ms Hope"), "new", "open"),
    ("suggestion", ("希望有小包装，店里放不下。", "Smaller packs would help; we have no room."), ("", ""), "", "open"),
    ("complaint", ("发票一直没寄到。", "The invoice never came."), ("会计", "Accounts"), "order", "nobody"),
)  # fmt: skip
ANSWERS: dict[str, Pair] = {
    "direct": ("回信说明了送货范围和起订量。", "Wrote back where we deliver and from which amount on."),
    "general": ("官网公告：客服热线已加一条线。", "Said on our site: the hotline has one more line now."),
    "none": ("广告。", "Advertising."),
}

# platform, words, stars, whether it is a customer's, what became of it
POSTS: tuple[tuple[str, Pair, int | None, bool, str], ...] = (
    ("dianping", ("订的货晚了两天，打客服也没说清楚。", "Two days late, and the hotline could not say why."), 2, True, "contact"),
    ("weibo", ("包装破了，申请退换等了一个星期。", "It came broken, and I waited a week for the exchange."), 1, False, "public"),
    ("xiaohongshu", ("合作一年了，送货准时，推荐给开店的朋友。", "A year with them, always on time. Recommended to whoever runs a shop."), 5, True, ""),
    ("google", ("价格比以前高，服务一般，有点失望。", "Dearer than before and the service is so-so. Disappointed."), 2, False, "open"),
    ("dianping", ("新包装好看，也结实。", "The new packaging looks good and is sturdy."), 4, False, ""),
)  # fmt: skip
ANSWERED_POST: Pair = (
    "在帖子下公开道歉，请对方私信订单号。",
    "Apologised beneath the post and asked for the order number in private.",
)

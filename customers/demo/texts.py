"""What people of the demo company write down, in Chinese and English; `{who}`, `{what}` and `{rival}` are filled in."""
# ruff: noqa: E501

from random import Random

from customers.demo.company import COMPETITORS, PRODUCTS

_Pairs = tuple[tuple[str, str], ...]

INTERACTIONS: dict[str, _Pairs] = {
    "routine": (
        (
            "例行电话，{who}说近期用量正常，没有新需求。",
            "Routine call. {who} says consumption is normal, nothing new needed.",
        ),
        (
            "和{who}核对了下月的用量，{what}照旧。",
            "Went through next month's needs with {who}; {what} as usual.",
        ),
        (
            "到店拜访{who}，看了库存，{what}还够用两周左右。",
            "Visited {who} and looked at the stock; {what} lasts about two weeks.",
        ),
        (
            "{who}问{what}能不能换大包装，已发报价。",
            "{who} asked for a larger pack of {what}; quotation sent.",
        ),
        ("微信联系{who}，提醒节前提前下单。", "Wrote to {who}, reminding them to order before the holidays."),
        ("{who}这周比较忙，约好下周再聊。", "{who} is busy this week; we agreed to talk next week."),
    ),
    "happy": (
        (
            "{who}对最近几次送货很满意，愿意介绍同行给我们。",
            "{who} is very pleased with the last deliveries and will recommend us.",
        ),
        (
            "{who}说{what}质量稳定，准备加量。",
            "{who} says the quality of {what} is steady and plans to order more.",
        ),
        (
            "拜访{who}，聊了新店计划，对方希望我们一起供货。",
            "Visited {who}; they plan a new branch and want us to supply it.",
        ),
    ),
    "uneasy": (
        (
            "{who}语气冷淡，说内部在重新评估供应商。",
            "{who} sounded cool and said they are reviewing their suppliers.",
        ),
        (
            "{who}抱怨最近总要自己催单，感觉没人管。",
            "{who} complained that they always have to chase us lately.",
        ),
        (
            "{who}没多说，只讲预算收紧，{what}先少订一些。",
            "{who} said little, only that budgets are tight and {what} will be less.",
        ),
        (
            "{who}提到上次的问题还记着，希望不要再发生。",
            "{who} still remembers the last problem and hopes it does not happen again.",
        ),
    ),
    "rival": (
        (
            "{who}说{rival}来报过价，{what}比我们便宜。",
            "{who} says {rival} made an offer; {what} is cheaper there.",
        ),
        (
            "{who}提到{rival}的业务员最近常来，送了样品。",
            "{who} mentioned that {rival}'s people come often and left samples.",
        ),
        (
            "{who}正在试用{rival}的{what}，让我们也报个价。",
            "{who} is trying {what} from {rival} and asks for our price too.",
        ),
    ),
    "price": (
        (
            "{who}对调价不满意，问老客户有没有优惠。",
            "{who} is unhappy about the price rise and asks for better terms.",
        ),
        (
            "向{who}说明了调价原因，对方表示要再考虑。",
            "Explained the price rise to {who}; they want to think about it.",
        ),
    ),
    "apology": (
        (
            "就投诉向{who}道歉并说明处理办法，对方接受。",
            "Apologised to {who} for the complaint and explained the remedy; accepted.",
        ),
        (
            "{who}还在等投诉的处理结果，已催内部。",
            "{who} is still waiting for an answer to the complaint; chased internally.",
        ),
    ),
    "renewal": (
        (
            "和{who}谈续约，对方要看新的报价。",
            "Discussed the renewal with {who}; they want to see new prices.",
        ),
        (
            "{who}说续约要等总部批准，下周答复。",
            "{who} says the renewal waits for head office; answer next week.",
        ),
    ),
    "hello": (
        ("新接手客户，向{who}做了自我介绍。", "Took over this account and introduced myself to {who}."),
        (
            "第一次拜访{who}，了解了常用品和送货时间。",
            "First visit to {who}; noted usual goods and delivery times.",
        ),
    ),
    "pause": (
        ("{who}说店里在装修，这段时间不进货。", "{who} says they are renovating and not buying for a while."),
        (
            "{who}告知要停业休整一段时间，之后再恢复订货。",
            "{who} told us they close for a while and will order again afterwards.",
        ),
    ),
    "gone": (
        (
            "{who}表示以后不再从我们这里采购，谢绝了挽留。",
            "{who} said they will not buy from us any more and declined an offer.",
        ),
        (
            "{who}说已经定了别家，感谢这段时间的合作。",
            "{who} says they have settled on someone else and thanks us.",
        ),
    ),
    "closing": (
        ("{who}说生意不做了，月底关门。", "{who} says the business closes at the end of the month."),
        (
            "{who}要搬去外地，以后不在我们的配送范围。",
            "{who} is moving away, outside the area that we deliver to.",
        ),
    ),
    "silent": (
        ("打电话给{who}，没人接。", "Called {who}, nobody answered."),
        ("给{who}发了消息，一直没有回复。", "Wrote to {who}; no reply so far."),
    ),
    "asks": (
        ("{who}来电问{what}什么时候到货。", "{who} called to ask when {what} arrives."),
        ("{who}要一份对账单，已发邮箱。", "{who} asked for a statement of account; sent by mail."),
        ("{who}询问发票抬头怎么改。", "{who} asked how to change the name on the invoice."),
    ),
    "back": (
        (
            "{who}主动联系，想恢复合作，先订一批{what}试试。",
            "{who} got in touch and wants to start again with some {what}.",
        ),
        (
            "{who}说别家服务跟不上，还是想回来。",
            "{who} says the other supplier could not keep up; they want to return.",
        ),
    ),
}

COMPLAINTS: dict[str, _Pairs] = {
    "late": (
        ("{what}比约定晚了两天才到，耽误我们营业。", "{what} came two days late and held up our business."),
        (
            "说好上午送到，等到晚上都没人来，电话也打不通。",
            "Promised for the morning; nobody came by evening and nobody answers the phone.",
        ),
        ("这已经不是第一次迟到了，请给个说法。", "This is not the first late delivery. Please explain."),
    ),
    "damaged": (
        (
            "收到的{what}外箱破了，里面有一半不能用。",
            "The box of {what} was broken and half of it cannot be used.",
        ),
        ("{what}受潮了，要求换货。", "{what} got wet. We want a replacement."),
        ("{what}质量和上一批差很多。", "The quality of {what} is much worse than the last batch."),
    ),
    "wrong": (
        ("送来的不是我们订的{what}，规格不对。", "This is not the {what} that we ordered; wrong size."),
        (
            "少送了一箱{what}，送货单上却写齐了。",
            "One box of {what} is missing although the note says complete.",
        ),
    ),
    "invoice": (
        (
            "发票金额和订单对不上，财务没法入账。",
            "The invoice does not match the order; our accounts cannot book it.",
        ),
        ("发票抬头又开错了，已经第二次了。", "The name on the invoice is wrong, for the second time."),
    ),
    "price": (
        (
            "突然涨价也不提前通知，老客户没有一点照顾。",
            "Prices rose without notice and no consideration for old customers.",
        ),
        ("同样的{what}，别人的价格比我们低。", "Others pay less than us for the same {what}."),
    ),
    "staff": (
        (
            "换了客户经理以后没人联系我们，问题一直拖着。",
            "Since our account manager changed nobody contacts us and things drag on.",
        ),
        ("业务员答应的返利一直没有兑现。", "The rebate that your salesman promised never came."),
        ("客服态度不好，说话很不耐烦。", "The person on the phone was impatient and rude."),
    ),
}


def write(
    random: Random, lines: _Pairs, *, english: bool, who: str, products: list[int], rival: int = 0
) -> str:
    """Draw one of the lines in one language and fill in the person, a product and a competitor."""
    place = 1 if english else 0
    product = PRODUCTS[random.choice(products)]
    what = (product.name_zh.split(" ")[0], _small(product.name_en.split(",")[0]))[place]
    line = random.choice(lines)[place]
    return line.format(who=who, what=what, rival=COMPETITORS[rival][place])


_TELLTALE = {
    "call": ("电话", "来电", "Routine call", "Called", "called"),
    "visit": ("拜访", "Visited", "First visit"),
    "chat": ("微信", "发了消息", "Wrote to"),
}


def kind_of(text: str) -> str:
    """Return the kind of contact that a note speaks of, or nothing when it fits any."""
    return next((kind for kind, words in _TELLTALE.items() if any(word in text for word in words)), "")


def _small(name: str) -> str:
    return name[:1].lower() + name[1:]

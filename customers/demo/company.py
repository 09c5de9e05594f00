"""云帆供应链 Yunfan Supplies: its people, its goods, its rivals, and what happened to all of its customers."""
# ruff: noqa: E501

from typing import NamedTuple

from customers.demo.records import Employee, Product, Team

NAME_ZH, NAME_EN = "云帆供应链", "Yunfan Supplies"
CURRENCY, ZONE = "CNY", "Asia/Shanghai"
UTC_OFFSET = 8 * 3600
EPOCH = 719163  # ordinal of 1970-01-01
DAY = 86400

TEAMS = [
    Team("east", "华东组", "East"),
    Team("south", "华南组", "South"),
    Team("north", "华北组", "North"),
]
TEAM_SHARE = {"east": 0.42, "south": 0.32, "north": 0.26}
CITIES = {
    "east": (
        ("上海", "Shanghai"),
        ("杭州", "Hangzhou"),
        ("南京", "Nanjing"),
        ("苏州", "Suzhou"),
        ("宁波", "Ningbo"),
    ),
    "south": (("广州", "Guangzhou"), ("深圳", "Shenzhen"), ("佛山", "Foshan"), ("厦门", "Xiamen")),
    "north": (("北京", "Beijing"), ("天津", "Tianjin"), ("济南", "Jinan"), ("青岛", "Qingdao")),
}


def _person(
    key: str, zh: str, en: str, role: str, team: str, *numbers: float, language: str = "zh-hans"
) -> Employee:
    every, diligence, portfolio = (*numbers, 0, 0, 0)[:3]
    return Employee(key, zh, en, role, team, language, int(every), diligence, portfolio)


EMPLOYEES = [
    _person("admin", "许静", "Xu Jing", "admin", ""),
    _person("analyst", "郑楠", "Zheng Nan", "analyst", "", language="en"),
    _person("lead", "林晓", "Lin Xiao", "team_lead", "east", 31, 1.3, 0.22),
    _person("manager", "王敏", "Wang Min", "account_manager", "east", 37, 0.9, 1.75),
    _person("chen.jie", "陈杰", "Chen Jie", "account_manager", "east", 31, 1.1, 1.0),
    _person("zhao.yun", "赵云", "Zhao Yun", "account_manager", "east", 28, 1.2, 0.9),
    _person("sun.lei", "孙磊", "Sun Lei", "account_manager", "east", 34, 1.0, 1.0),
    _person("gao.wei", "高伟", "Gao Wei", "account_manager", "east", 32, 1.1, 1.0),
    _person("he.ping", "何平", "He Ping", "team_lead", "south", 32, 1.2, 0.2),
    _person("liang.hao", "梁浩", "Liang Hao", "account_manager", "south", 30, 1.1, 1.0),
    _person("zhou.lei", "周蕾", "Zhou Lei", "account_manager", "south", 32, 1.0, 1.1),
    _person("wu.tao", "吴涛", "Wu Tao", "account_manager", "south", 44, 0.7, 1.0),
    _person("deng.xin", "邓欣", "Deng Xin", "account_manager", "south", 28, 1.2, 0.9),
    _person("amy.scott", "艾米", "Amy Scott", "account_manager", "south", 31, 1.2, 0.8, language="en"),
    _person("tang.lin", "唐琳", "Tang Lin", "team_lead", "north", 32, 1.2, 0.2),
    _person("li.na", "李娜", "Li Na", "account_manager", "north", 30, 1.2, 1.0),
    _person("guo.qiang", "郭强", "Guo Qiang", "account_manager", "north", 34, 0.9, 1.0),
    _person("ma.chao", "马超", "Ma Chao", "account_manager", "north", 31, 1.0, 0.9),
    _person("ben.ward", "本·沃德", "Ben Ward", "account_manager", "north", 32, 1.1, 0.8, language="en"),
]
LEAVER, MOVER, HEIR = "gao.wei", "zhou.lei", "manager"

COMPETITORS = (
    ("汇达物资", "Huida Materials"),
    ("鼎盛商贸", "Dingsheng Trading"),
    ("捷供网", "JieGong Online"),
    ("蓝鲸集采", "Blue Whale Sourcing"),
)

# key, zh, en, category, unit, price and cost in fen
PRODUCTS = [
    Product("P01", "一次性餐盒 500 套", "Takeaway boxes, 500 sets", "catering", "箱", 16800, 11900),
    Product("P02", "纸吸管 2000 支", "Paper straws, 2,000", "catering", "箱", 9800, 6700),
    Product("P03", "食用油 20 升", "Cooking oil, 20 l", "catering", "桶", 23800, 20100),
    Product("P04", "东北大米 25 公斤", "Rice, 25 kg", "catering", "袋", 13900, 11400),
    Product("P05", "保鲜膜 300 米", "Cling film, 300 m", "catering", "卷", 4600, 2900),
    Product("P06", "洗洁精 20 公斤", "Dish soap, 20 kg", "catering", "桶", 7900, 4900),
    Product("P07", "厨房手套 100 双", "Kitchen gloves, 100 pairs", "catering", "盒", 5800, 3700),
    Product("P08", "咖啡豆 5 公斤", "Coffee beans, 5 kg", "catering", "袋", 42000, 30200),
    Product("P09", "收银纸 100 卷", "Till rolls, 100", "shop", "箱", 12800, 8600),
    Product("P10", "购物袋 1000 只", "Carrier bags, 1,000", "shop", "箱", 18800, 13200),
    Product("P11", "价格标签 5000 枚", "Price labels, 5,000", "shop", "盒", 6600, 3800),
    Product("P12", "礼品包装盒 50 只", "Gift boxes, 50", "shop", "箱", 21000, 14100),
    Product("P13", "货架挂钩 200 个", "Shelf hooks, 200", "shop", "盒", 9500, 6100),
    Product("P14", "矿泉水 24 瓶", "Mineral water, 24 bottles", "shop", "箱", 3600, 2900),
    Product("P15", "快递胶带 60 卷", "Parcel tape, 60 rolls", "shop", "箱", 10800, 7400),
    Product("P16", "防撞气泡膜 100 米", "Bubble wrap, 100 m", "shop", "卷", 8800, 5800),
    Product("P17", "医用口罩 2000 只", "Surgical masks, 2,000", "clinic", "箱", 24000, 16200),
    Product("P18", "丁腈手套 1000 只", "Nitrile gloves, 1,000", "clinic", "箱", 31000, 22400),
    Product("P19", "酒精消毒液 24 瓶", "Disinfectant, 24 bottles", "clinic", "箱", 19200, 12600),
    Product("P20", "一次性床单 200 张", "Disposable sheets, 200", "clinic", "箱", 14600, 9700),
    Product("P21", "棉签 10000 支", "Cotton swabs, 10,000", "clinic", "箱", 8600, 5100),
    Product("P22", "医疗废物袋 500 只", "Clinical waste bags, 500", "clinic", "箱", 11500, 7600),
    Product("P23", "复印纸 A4 8 包", "Copy paper A4, 8 reams", "office", "箱", 17600, 14300),
    Product("P24", "硒鼓", "Toner cartridge", "office", "支", 36800, 25100),
    Product("P25", "中性笔 144 支", "Gel pens, 144", "office", "盒", 8200, 4700),
    Product("P26", "文件夹 60 个", "Folders, 60", "office", "箱", 12400, 7800),
    Product("P27", "桶装水 19 升", "Water cooler bottle, 19 l", "office", "桶", 2400, 1500),
    Product("P28", "抽纸 48 包", "Tissues, 48 packs", "household", "箱", 9900, 7300),
    Product("P29", "洗衣液 12 公斤", "Laundry liquid, 12 kg", "household", "箱", 13200, 9400),
    Product("P30", "垃圾袋 1200 只", "Bin bags, 1,200", "household", "箱", 7800, 4600),
]
RANGE = {
    "restaurant": range(8),
    "shop": range(8, 16),
    "clinic": range(16, 22),
    "office": range(22, 27),
    "household": range(27, 30),
}


class History(NamedTuple):
    """What happened to the whole company; days are indexes into the window."""

    days: int
    price_rise: int  # all prices rise by RISE on this day
    manager_left: int
    portfolio_moved: int
    trouble: tuple[int, int]  # first and last day of the bad weeks of the southern warehouse


RISE = 0.05


def history(days: int) -> History:
    """Place what happens to the company into a window of so many days."""
    return History(
        days=days,
        price_rise=days * 5 // 9,
        manager_left=days * 2 // 3,
        portfolio_moved=max(1, days - 40),
        trouble=(days * 3 // 10, days * 3 // 10 + 28),
    )


def moment(day: int, second: int) -> int:
    """Return the UTC second of a local day (ordinal) and second of the day; the zone has no summer time."""
    return (day - EPOCH) * DAY + second - UTC_OFFSET

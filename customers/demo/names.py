"""Names in Chinese and English, all of them invented; phone numbers and addresses lead nowhere."""
# ruff: noqa: E501

from random import Random

from customers.demo.records import Contact

_SURNAMES = (
    "王Wang 李Li 张Zhang 刘Liu 陈Chen 杨Yang 赵Zhao 黄Huang 周Zhou 吴Wu 徐Xu 孙Sun 胡Hu 朱Zhu 高Gao 林Lin 何He 郭Guo "
    "马Ma 罗Luo 梁Liang 宋Song 郑Zheng 谢Xie 韩Han 唐Tang 冯Feng 于Yu 董Dong 萧Xiao 程Cheng 曹Cao 袁Yuan 邓Deng 许Xu 傅Fu "
    "沈Shen 曾Zeng 彭Peng 吕Lü 苏Su 卢Lu 蒋Jiang 蔡Cai 贾Jia 丁Ding 魏Wei 薛Xue 叶Ye 阎Yan"
)
_GIVEN = (
    "伟wei 芳fang 娜na 敏min 静jing 丽li 强qiang 磊lei 军jun 洋yang 勇yong 艳yan 杰jie 娟juan 涛tao 明ming 超chao 霞xia 平ping "
    "刚gang 桂gui 英ying 华hua 玉yu 建jian 文wen 辉hui 力li 慧hui 鑫xin 宇yu 博bo 晨chen 欣xin 佳jia 琪qi 雨yu 婷ting 浩hao "
    "轩xuan 思si 凯kai 颖ying 哲zhe 嘉jia 昊hao 妍yan 雪xue 航hang 宁ning"
)
_BRAND = (
    "悦yue 香xiang 和he 泰tai 瑞rui 丰feng 盛sheng 德de 福fu 安an 康kang 源yuan 鑫xin 宏hong 达da 信xin 诚cheng 博bo 雅ya 锦jin "
    "华hua 荣rong 兴xing 隆long 顺shun 通tong 恒heng 利li 嘉jia 佳jia 美mei 乐le 欣xin 宝bao 金jin 玉yu 海hai 江jiang 山shan 林lin "
    "云yun 天tian 星xing 阳yang 春chun 秋qiu 青qing 蓝lan 晨chen 晓xiao 禾he 麦mai 溪xi 岚lan 屿yu 墨mo 竹zhu 松song 梅mei 兰lan"
)
_ENGLISH_BRAND = (
    "Harbour Light|Blue Gate|Old Mill|Northwind|Silver Oak|Paper Lantern|Green Door|Red Kite|Stone Bridge|Lotus Pond|Bright Side|"
    "Long River|Two Cranes|Corner House|Little Orchard|White Horse|Copper Kettle|Pine Street|East Wing|Seven Hills"
)
_ENGLISH_PEOPLE = (
    "Alice|Daniel|Grace|Marcus|Sofia|Peter|Emma|Rahul|Claire|Thomas|Julia|Oliver|Hannah|Victor|Nadia|Simon"
)
_ENGLISH_SURNAMES = (
    "Martin|Novak|Silva|Keller|Rossi|Tan|Murphy|Larsen|Patel|Moreau|Kim|Walker|Sato|Weber|Costa|Bennett"
)
_BUSINESS = {
    "restaurant": (
        ("餐饮", "Catering"),
        ("小馆", "Bistro"),
        ("茶饮", "Tea House"),
        ("酒楼", "Restaurant"),
        ("咖啡", "Café"),
    ),
    "shop": (
        ("商贸", "Trading"),
        ("便利店", "Convenience"),
        ("百货", "Stores"),
        ("母婴用品", "Baby Goods"),
        ("文具店", "Stationers"),
    ),
    "clinic": (
        ("口腔门诊", "Dental Clinic"),
        ("诊所", "Clinic"),
        ("中医馆", "Chinese Medicine"),
        ("宠物医院", "Pet Hospital"),
    ),
    "office": (
        ("科技", "Technology"),
        ("设计", "Design"),
        ("咨询", "Consulting"),
        ("教育", "Education"),
        ("物业", "Property"),
    ),
}
_TITLES = {
    "restaurant": (("店长", "Store manager"), ("采购", "Buyer"), ("老板", "Owner")),
    "shop": (("店长", "Store manager"), ("采购", "Buyer"), ("老板", "Owner")),
    "clinic": (("护士长", "Head nurse"), ("行政", "Administrator"), ("院长", "Director")),
    "office": (("行政经理", "Office manager"), ("采购", "Buyer"), ("财务", "Accountant")),
    "household": (("", ""),),
}


def _pairs(text: str) -> list[tuple[str, str]]:
    return [(word[0], word[1:]) for word in text.split()]


SURNAMES, GIVEN, BRAND = _pairs(_SURNAMES), _pairs(_GIVEN), _pairs(_BRAND)
ENGLISH_BRAND, ENGLISH_PEOPLE = _ENGLISH_BRAND.split("|"), _ENGLISH_PEOPLE.split("|")
ENGLISH_SURNAMES = _ENGLISH_SURNAMES.split("|")


def person(random: Random, *, english: bool) -> tuple[str, str]:
    """Draw a person's name, in Chinese writing and in Latin letters (the same for an English speaker)."""
    if english:
        name = f"{random.choice(ENGLISH_PEOPLE)} {random.choice(ENGLISH_SURNAMES)}"
        return name, name
    surname, given = random.choice(SURNAMES), random.sample(GIVEN, random.choice((1, 2, 2)))
    latin = "".join(sound for _, sound in given).capitalize()
    return surname[0] + "".join(sign for sign, _ in given), f"{surname[1]} {latin}"


def business(
    random: Random, *, index: int, industry: str, city: tuple[str, str], english: bool
) -> tuple[str, str, str]:
    """Draw a company's name in both languages and its mail domain; the index keeps brands apart."""
    what_zh, what_en = random.choice(_BUSINESS[industry])
    place = index * 1511 % (len(BRAND) * len(BRAND))
    one, two = BRAND[place // len(BRAND)], BRAND[place % len(BRAND)]
    latin = (one[1] + two[1]).capitalize()
    domain = f"{latin.lower()}{index}.example"
    if english:
        name = f"{random.choice(ENGLISH_BRAND)} {what_en}"
        return f"{name}({city[0]})", f"{name} ({city[1]})", domain
    legal = ("", "") if industry == "restaurant" and what_zh != "餐饮" else ("有限公司", " Co., Ltd.")
    return f"{city[0]}{one[0]}{two[0]}{what_zh}{legal[0]}", f"{city[1]} {latin} {what_en}{legal[1]}", domain


def contacts(random: Random, *, index: int, industry: str, domain: str, english: bool) -> tuple[Contact, ...]:
    """Draw one to three people of a company, or the one private customer; numbers lie in a block of zeros."""
    titles = _TITLES[industry]
    count = 1 if industry == "household" else random.choice((1, 1, 2, 2, 3))
    people = []
    for place, title in enumerate(random.sample(titles, count)):
        name_zh, name_en = person(random, english=english)
        user = name_en.lower().replace("ü", "u").replace(" ", ".")
        serial = index * 3 + place
        phone = f"+86190{serial // 10000 % 10000:04d}{serial % 10000:04d}"
        people.append(
            Contact(f"C{index:06d}-{place + 1}", name_zh, name_en, *title, phone, f"{user}.{serial}@{domain}")
        )
    return tuple(people)

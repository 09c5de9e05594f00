"""What people write in public: mentions, with the columns that exports of the platforms usually have."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from customers.imports import checks, landing
from customers.imports.cells import Field, Type
from customers.imports.delivered.parts import RECORDED, external_id, words
from customers.imports.kinds import Kind
from customers.models import Mention

_PLATFORMS = words(
    dict(Mention.Platform.choices),
    weibo="新浪微博 微博",
    xiaohongshu="小红书 red rednote xhs",
    douyin="抖音",
    dianping="大众点评 点评 美团点评",
    google="谷歌 googlemaps google-maps",
    app_store="appstore googleplay google-play 应用商店",
    x="twitter",
    facebook="fb 脸书",
    instagram="ig",
    linkedin="领英",
    web="website feed rss 网站",
    other="其他 其它",
)

KINDS = (
    Kind(
        "mentions",
        _("Mentions"),
        (
            external_id(
                *("mentionid", "postid", "reviewid", "mid", "noteid", "weiboid", "tweetid"),
                *("微博id", "笔记id", "评价id", "评论id", "帖子id", "评价编号", "作品id"),
            ),
            Field(
                "occurred_at",
                _("posted at"),
                Type.MOMENT,
                required=True,
                guesses=(
                    *("occurredat", "postedat", "createdat", "createtime", "publishedat", "date", "time"),
                    *(
                        "reviewdate",
                        "reviewsubmitdateandtime",
                        "发布时间",
                        "评价时间",
                        "发表时间",
                        "评论时间",
                    ),
                    *("发布日期", "时间", "日期"),
                ),
            ),
            Field(
                "platform",
                _("platform"),
                Type.CHOICE,
                guesses=("platform", "network", "site", "channel", "平台", "来源平台", "媒体", "渠道"),
                choices=_PLATFORMS,
            ),
            Field(
                "handle",
                _("name there"),
                guesses=(
                    *("handle", "author", "username", "user", "screenname", "nickname", "reviewer"),
                    *("reviewername", "reviewernickname", "authorname", "昵称", "用户昵称", "博主昵称"),
                    *("用户名", "作者", "达人昵称", "评价人", "账号"),
                ),
                most=100,
                example=("tea_lover", "@leaf.and.cup", "茶香四溢"),
            ),
            Field(
                "title",
                _("heading"),
                guesses=("title", "reviewtitle", "标题", "笔记标题"),
                most=500,
                example=("Cold tea", "", "Again"),
            ),
            Field(
                "text",
                _("text"),
                guesses=(
                    *("text", "content", "body", "comment", "reviewtext", "review", "fulltext"),
                    *("微博正文", "正文", "笔记内容", "评价内容", "内容", "评论内容", "笔记正文"),
                ),
                most=20_000,
                example=(
                    ("Two boxes were wet.", "两盒茶叶受潮了。"),
                    ("Friendly people, quick delivery.", "服务热情，送货很快。"),
                    ("Nobody answers the phone.", "电话一直没人接。"),
                ),
            ),
            Field(
                "rating",
                _("stars"),
                guesses=("rating", "stars", "starrating", "score", "星级", "评分", "总评分", "打分"),
                most=20,
                example=("2", "5", "1.5"),
            ),
            Field(
                "url",
                _("address"),
                guesses=(
                    *("url", "link", "permalink", "reviewlink", "reviewurl", "链接", "微博链接"),
                    *("笔记链接", "地址", "评价链接", "原文链接", "网址"),
                ),
                most=1000,
                example=(
                    "https://www.example.com/p/1",
                    "https://www.example.com/p/2",
                    "https://www.example.com/p/3",
                ),
            ),
            RECORDED,
        ),
        landing.land_mentions,
        occurred="occurred_at",
        has_customer=False,
        check=checks.check_mention,
    ),
)

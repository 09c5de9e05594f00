"""Whether a mention is content with us: by its stars, else by its text, in the end by a colleague."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from customers.models import Aspect, Mention
from customers.text import features, readers

Said = tuple[Mention.Sentiment, Mention.Judged]
LOW, HIGH = Decimal(2), Decimal(4)  # of five stars
_STARS, _TEXT = Mention.Judged.RATING, Mention.Judged.TEXT


def judge(said: Sequence[tuple[Decimal | None, str]]) -> list[Said]:
    """Return the sentiment of each pair of stars and text, and by what it was told; at most two queries.

    Two of five stars or fewer are negative, four or more positive. Without stars the reader of texts
    tells; what it is not sure of is ``unsure``.
    """
    found: list[Said | None] = [_by_stars(rating) for rating, _text in said]
    unread = [place for place, known in enumerate(found) if known is None and said[place][1].strip()]
    if unread:
        answers = _by_texts([said[place][1] for place in unread])
        for place, answer in zip(unread, answers, strict=True):
            found[place] = (answer, _TEXT)
    return [known or (Mention.Sentiment.UNSURE, _TEXT) for known in found]


def _by_stars(rating: Decimal | None) -> Said | None:
    if rating is None:
        return None
    if rating <= LOW:
        return Mention.Sentiment.NEGATIVE, _STARS
    return (Mention.Sentiment.POSITIVE if rating >= HIGH else Mention.Sentiment.NEUTRAL), _STARS


def _by_texts(texts: Sequence[str]) -> list[Mention.Sentiment]:
    reader = next(one for one in readers.current() if one.aspect == Aspect.SENTIMENT)
    answers = reader.read(texts, [features.hashed(text) for text in texts])
    return [
        Mention.Sentiment(answer.code) if answer.is_sure and answer.code else Mention.Sentiment.UNSURE
        for answer in answers
    ]

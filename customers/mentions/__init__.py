"""Mentions: what people write about the company in public, whose it is, and whether they are content."""

from customers.mentions.landing import MentionErased, MentionRecord, upsert_mentions
from customers.mentions.matching import MentionRefused, match_mention, unmatch_mention
from customers.mentions.recording import (
    AddressRefused,
    NothingSaid,
    StarsRefused,
    correct_sentiment,
    record_mention,
    remove_mention,
)

__all__ = [
    "AddressRefused",
    "MentionErased",
    "MentionRecord",
    "MentionRefused",
    "NothingSaid",
    "StarsRefused",
    "correct_sentiment",
    "match_mention",
    "record_mention",
    "remove_mention",
    "unmatch_mention",
    "upsert_mentions",
]

"""Understanding of texts: sentiment, cause and urgency, in Chinese and English, corrected by people."""

from customers.text import sources
from customers.text.correcting import NotAnAnswer, TextGone, answers, correct_reading
from customers.text.reading import erase, export, forget, read_soon, read_text, read_texts, read_unread
from customers.text.sources import Label, Source
from customers.text.training import FEWEST, Trained, nightly, train_texts

__all__ = [
    "FEWEST",
    "Label",
    "NotAnAnswer",
    "Source",
    "TextGone",
    "Trained",
    "answers",
    "correct_reading",
    "erase",
    "export",
    "forget",
    "nightly",
    "read_soon",
    "read_text",
    "read_texts",
    "read_unread",
    "sources",
    "train_texts",
]

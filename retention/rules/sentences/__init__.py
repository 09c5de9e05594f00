"""Rules and their evidence said in plain sentences, in the reader's language.

A rule's sentence says what it looks for. The sentence of a warning says what was found, from the
numbers frozen in its evidence alone: it reads the same for ever, whatever the customer did since.
"""

from retention.rules.sentences.evidence import evidence_sentence
from retention.rules.sentences.rule import rule_sentence

__all__ = ["evidence_sentence", "rule_sentence"]

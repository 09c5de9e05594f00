"""Finding a customer by a part of a name, pinyin, initials, a phone's last digits, e-mail or a number.

``words`` takes texts apart, ``index`` writes one table of tokens, ``finding`` asks it.
"""

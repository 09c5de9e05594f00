"""How a colleague's name is written."""

from __future__ import annotations

import pytest

from customers.models import User


@pytest.mark.parametrize(
    ("given", "family", "written"),
    [
        ("丽", "李", "李丽"),
        ("Li", "Wang", "Li Wang"),
        ("Li", "王", "Li 王"),  # of two scripts: as it was entered
        ("王丽", "", "王丽"),
        ("", "Wang", "Wang"),
        ("", "", "xiaoli"),
    ],
)
def test_chinese_names_begin_with_the_family(given, family, written):
    assert str(User(username="xiaoli", first_name=given, last_name=family)) == written

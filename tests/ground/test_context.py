"""Whose address stands in the audit."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from customers.ground import context

CLAIMED_THEN_SEEN = "6.6.6.6, 203.0.113.9"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, CLAIMED_THEN_SEEN, "127.0.0.1"),  # no proxy of ours: the header is anybody's word
        (1, CLAIMED_THEN_SEEN, "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "203.0.113.9", "127.0.0.1"),  # fewer hops than our proxies write: not from them
        (1, "", "127.0.0.1"),
    ],
)
def test_address_of_believes_our_own_proxies_only(
    settings, proxies: int, forwarded: str, address: str
) -> None:
    settings.TRUSTED_PROXY_COUNT = proxies
    request = RequestFactory().get("/", headers={"X-Forwarded-For": forwarded} if forwarded else {})
    assert context.address_of(request) == address

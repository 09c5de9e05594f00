"""Pages that a link opens without signing in: the token in the address is the right itself (decision 17).

They set no cookie, so a forged request could use nobody's; they are kept by no cache, tell no other site
where one comes from, and are all listed here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from customers.access import PUBLIC, allow

TOKEN_PAGES: dict[str, str] = {
    "customers:unsubscribe": "take consent back",
    "surveys:answer": "answer a survey",
    "customers:public_form": "tell us something",
    "retention:loop_status": "see how far what one told us is, and say whether it is solved",
    "retention:member": "see one's points, what became of one's words, and how one may be contacted",
    "retention:member_statement": "see every movement of one's points",
    "retention:member_told": "see what one told us, and what became of it",
    "retention:member_reward": "take a reward for points",
    "retention:member_redemption": "see how far a reward is, and cancel it",
    "retention:member_contact": "say how one may be contacted",
    "retention:member_referral": "say by whose code one came",
}
"""Route → what the token in its address is good for; the form for everybody has none in its address, but a
ticket that its page sends along."""


def token_page(route: str) -> Callable[[Callable[..., HttpResponse]], Any]:
    """Declare the view of one of :data:`TOKEN_PAGES`; raise ``KeyError`` for another."""
    purpose = TOKEN_PAGES[route]

    def declare(view: Callable[..., HttpResponse]) -> Any:
        @wraps(view)
        def opened(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            response = view(request, *args, **kwargs)
            response["Cache-Control"] = "no-store"
            response["Referrer-Policy"] = "no-referrer"
            response["X-Robots-Tag"] = "noindex, nofollow"
            return response

        public: Any = csrf_exempt(allow(PUBLIC)(opened))
        public.token_purpose = purpose
        return public

    return declare

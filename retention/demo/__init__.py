"""The demo company's first weeks with Liuke: what is worked, what is told, and how that comes to its end."""

from retention.demo.changing import change_business
from retention.demo.feedback import close_loops
from retention.demo.improving import improve
from retention.demo.weeks import Known, live_in, mornings_before

__all__ = ["Known", "change_business", "close_loops", "improve", "live_in", "mornings_before"]

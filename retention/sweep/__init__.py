"""The sweep: measures → rules → warnings → cases, for everybody or for whom something has changed."""

from retention.sweep.nightly import nightly
from retention.sweep.sweeping import RuleIsOff, SweepTooEarly, run
from retention.sweep.touched import sweep_touched, touched

__all__ = ["RuleIsOff", "SweepTooEarly", "nightly", "run", "sweep_touched", "touched"]

"""What leaves the company: senders, messages drained by the worker, and what comes back (decision 7)."""

"""Pages of care: plans, who is due, and what they do."""

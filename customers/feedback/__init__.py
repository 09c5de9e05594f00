"""What people tell us: its deadlines, what was told before, notes, and what makes up for a failure."""

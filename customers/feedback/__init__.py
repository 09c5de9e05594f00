"""Feedback: what customers tell us, and what somebody tells us of whom it is not known who she is."""

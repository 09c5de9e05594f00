"""Improvements: the outer loop from causes to what is done about them. See docs/improvements.md."""

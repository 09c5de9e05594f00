"""Interviews: begun with a guide, written down while they are held, finished, corrected, counted."""

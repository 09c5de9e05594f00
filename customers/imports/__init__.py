"""Bringing files in: read, mapped, checked, landed once, and every refused line explained."""

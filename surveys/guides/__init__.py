"""Guides: what is asked in an interview, with prompts and codes, in versions."""

"""Distributions: to whom a survey is sent, when, by which way, and how many a day."""

"""Rewards: the catalogue, the codes that are given out, and who takes what for points."""

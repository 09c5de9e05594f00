"""Measures, rules, warnings, cases, calls: from a warning sign to an outcome."""

"""The demo company: a hidden process that really makes customers leave, and its way into the database.

The process knows nothing of measures, rules or cases: what Liuke notices about these customers, it
notices from the facts alone. Pure Python; only `load` touches Django.
"""

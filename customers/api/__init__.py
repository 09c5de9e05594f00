"""The API of the customers app: thin resources over its verbs. ``docs/api.md`` is the manual."""

"""The platform of the REST API: what every resource shares and what knows no customer.

A resource is a :class:`views.Resource`; ``docs/api.md`` says how one is written.
"""

"""How each kind's lines become records and land; called in the transaction of a chunk."""

from customers.imports.landing.colleagues import land_people
from customers.imports.landing.communities import land_communities
from customers.imports.landing.consents import land_consents
from customers.imports.landing.indicators import land_indicators
from customers.imports.landing.members import land_members
from customers.imports.landing.mentions import land_mentions
from customers.imports.landing.payments import land_payments
from customers.imports.landing.people import land_attributes, land_contacts, land_customers
from customers.imports.landing.sightings import land_sightings
from customers.imports.landing.talk import land_complaints, land_interactions
from customers.imports.landing.trade import land_contracts, land_orders, land_products, land_rates
from customers.imports.landing.usage import land_usage

__all__ = [
    "land_attributes",
    "land_communities",
    "land_complaints",
    "land_consents",
    "land_contacts",
    "land_contracts",
    "land_customers",
    "land_indicators",
    "land_interactions",
    "land_members",
    "land_mentions",
    "land_orders",
    "land_payments",
    "land_people",
    "land_products",
    "land_rates",
    "land_sightings",
    "land_usage",
]

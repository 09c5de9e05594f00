"""Landing many facts at once by the names that their source gives them.

Imports, the batch API and the demo company come through here. Each verb takes plain records, lands
them in chunks (one transaction and few statements each), writes versions only for what differs, and
returns a :class:`Landed`. A rerun of the same records writes nothing.
"""

from customers.batch.communities import CommunityRecord, upsert_communities
from customers.batch.complaints import upsert_complaints
from customers.batch.consents import upsert_consents
from customers.batch.facts import upsert_contracts, upsert_interactions
from customers.batch.indicators import IndicatorRecord, upsert_indicators
from customers.batch.invoices import InvoiceRecord, PaymentStep, upsert_invoices
from customers.batch.orders import upsert_orders, upsert_products
from customers.batch.people import (
    upsert_attributes,
    upsert_contacts,
    upsert_customers,
    upsert_ownerships,
)
from customers.batch.records import (
    AttributeRecord,
    ComplaintRecord,
    ConsentRecord,
    ContactRecord,
    ContractRecord,
    CustomerRecord,
    InteractionRecord,
    Landed,
    Line,
    OrderRecord,
    OwnershipRecord,
    ProductRecord,
    Refusal,
    Step,
)
from customers.batch.sightings import SightingRecord, upsert_sightings
from customers.batch.usage import UsageRecord, upsert_usage

__all__ = [
    "AttributeRecord",
    "CommunityRecord",
    "ComplaintRecord",
    "ConsentRecord",
    "ContactRecord",
    "ContractRecord",
    "CustomerRecord",
    "IndicatorRecord",
    "InteractionRecord",
    "InvoiceRecord",
    "Landed",
    "Line",
    "OrderRecord",
    "OwnershipRecord",
    "PaymentStep",
    "ProductRecord",
    "Refusal",
    "SightingRecord",
    "Step",
    "UsageRecord",
    "upsert_attributes",
    "upsert_communities",
    "upsert_complaints",
    "upsert_consents",
    "upsert_contacts",
    "upsert_contracts",
    "upsert_customers",
    "upsert_indicators",
    "upsert_interactions",
    "upsert_invoices",
    "upsert_orders",
    "upsert_ownerships",
    "upsert_products",
    "upsert_sightings",
    "upsert_usage",
]

from customers.models.attachments import Attachment
from customers.models.attributes import Attribute, AttributeValue, AttributeValueVersion
from customers.models.calendar_links import CalendarLink
from customers.models.causes import Cause
from customers.models.channels import (
    Attempt,
    DeadAddress,
    Message,
    Received,
    Sender,
    UnsubscribeLink,
)
from customers.models.communities import (
    Community,
    CommunityMembership,
    CommunityMembershipVersion,
    Platform,
)
from customers.models.competitors import (
    Competitor,
    CompetitorName,
    CompetitorSighting,
    CompetitorSightingVersion,
)
from customers.models.complaints import (
    Complaint,
    ComplaintEvent,
    ComplaintEventVersion,
    ComplaintVersion,
    FeedbackKind,
)
from customers.models.consents import Channel, Consent, ConsentText, Objection, Purpose
from customers.models.contacting import (
    ContactClass,
    ContactGate,
    ContactLimit,
    ContactReason,
    ContactReservation,
    QuietHours,
)
from customers.models.contracts import Contract, ContractVersion
from customers.models.customers import (
    Contact,
    Customer,
    ExternalRef,
    TouchedCustomer,
)
from customers.models.duplicates import DuplicateKey, DuplicateProposal, DuplicateSearch
from customers.models.erasure import ErasedName, ErasureBook, ErasureReceipt
from customers.models.feedback import FeedbackFile, UnknownFeedback
from customers.models.handles import SocialHandle
from customers.models.handling import (
    Compensation,
    CompensationLimit,
    ComplaintNote,
    FeedbackDeadline,
)
from customers.models.imports import HistoryTakenBack, ImportBatch, ImportChange
from customers.models.indicators import Indicator, IndicatorValue, IndicatorValueVersion, Worse
from customers.models.interactions import Interaction, InteractionVersion
from customers.models.invoices import Invoice, InvoiceEvent, InvoiceEventVersion, InvoiceVersion
from customers.models.keeping import KeepPeriod
from customers.models.letters import LetterIn, Mailbox
from customers.models.links import OneTimeLink
from customers.models.lists import CustomerList, CustomerListMember, CustomerListMemberVersion
from customers.models.mainstays import MainContactChange, MainContactChangeVersion
from customers.models.mentions import Mention, MentionCall, MentionFeed, MentionHook, MentionVersion
from customers.models.merges import Merge, MergedRow
from customers.models.needs import Need, NeedVersion
from customers.models.orders import Order, OrderLine, OrderLineVersion, OrderVersion, Product
from customers.models.ownership import Ownership, OwnershipVersion, UserActivity
from customers.models.people import Access, Team, User
from customers.models.places import Address, AddressVersion
from customers.models.profiles import ImportProfile
from customers.models.reminders import Reminder
from customers.models.search import SearchToken
from customers.models.text import Aspect, Sentiment, TextModel, TextReading, Urgency
from customers.models.tokens import ApiToken
from customers.models.usage import Usage, UsageKind, UsageMetric, UsageVersion

__all__ = [
    "Access",
    "Address",
    "AddressVersion",
    "ApiToken",
    "Aspect",
    "Attachment",
    "Attempt",
    "Attribute",
    "AttributeValue",
    "AttributeValueVersion",
    "CalendarLink",
    "Cause",
    "Channel",
    "Community",
    "CommunityMembership",
    "CommunityMembershipVersion",
    "Compensation",
    "CompensationLimit",
    "Competitor",
    "CompetitorName",
    "CompetitorSighting",
    "CompetitorSightingVersion",
    "Complaint",
    "ComplaintEvent",
    "ComplaintEventVersion",
    "ComplaintNote",
    "ComplaintVersion",
    "Consent",
    "ConsentText",
    "Contact",
    "ContactClass",
    "ContactGate",
    "ContactLimit",
    "ContactReason",
    "ContactReservation",
    "Contract",
    "ContractVersion",
    "Customer",
    "CustomerList",
    "CustomerListMember",
    "CustomerListMemberVersion",
    "DeadAddress",
    "DuplicateKey",
    "DuplicateProposal",
    "DuplicateSearch",
    "ErasedName",
    "ErasureBook",
    "ErasureReceipt",
    "ExternalRef",
    "FeedbackDeadline",
    "FeedbackFile",
    "FeedbackKind",
    "HistoryTakenBack",
    "ImportBatch",
    "ImportChange",
    "ImportProfile",
    "Indicator",
    "IndicatorValue",
    "IndicatorValueVersion",
    "Interaction",
    "InteractionVersion",
    "Invoice",
    "InvoiceEvent",
    "InvoiceEventVersion",
    "InvoiceVersion",
    "KeepPeriod",
    "LetterIn",
    "Mailbox",
    "MainContactChange",
    "MainContactChangeVersion",
    "Mention",
    "MentionCall",
    "MentionFeed",
    "MentionHook",
    "MentionVersion",
    "Merge",
    "MergedRow",
    "Message",
    "Need",
    "NeedVersion",
    "Objection",
    "OneTimeLink",
    "Order",
    "OrderLine",
    "OrderLineVersion",
    "OrderVersion",
    "Ownership",
    "OwnershipVersion",
    "Platform",
    "Product",
    "Purpose",
    "QuietHours",
    "Received",
    "Reminder",
    "SearchToken",
    "Sender",
    "Sentiment",
    "SocialHandle",
    "Team",
    "TextModel",
    "TextReading",
    "TouchedCustomer",
    "UnknownFeedback",
    "UnsubscribeLink",
    "Urgency",
    "Usage",
    "UsageKind",
    "UsageMetric",
    "UsageVersion",
    "User",
    "UserActivity",
    "Worse",
]

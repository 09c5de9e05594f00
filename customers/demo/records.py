"""What the demo company writes down: moments as whole UTC seconds, days as ordinals, money in fen."""

from typing import NamedTuple


class Team(NamedTuple):
    key: str
    name_zh: str
    name_en: str


class Employee(NamedTuple):
    key: str
    name_zh: str
    name_en: str
    role: str
    team: str
    language: str
    contact_every: int  # days between two contacts with the same customer
    diligence: float  # 1 = complaints handled at the usual speed; more is faster
    portfolio: float  # weight when customers were given out
    left_at: int = 0  # moment when he or she left the company, 0 = still here


class Product(NamedTuple):
    key: str
    name_zh: str
    name_en: str
    category: str
    unit: str
    price: int
    cost: int


class Contact(NamedTuple):
    key: str
    name_zh: str
    name_en: str
    title_zh: str
    title_en: str
    phone: str
    email: str


class Customer(NamedTuple):
    key: str
    kind: str  # company or person
    name_zh: str
    name_en: str
    language: str
    industry: str
    city: str
    team: str
    since: int  # ordinal of the day when the customer was won
    known_at: int
    contacts: tuple[Contact, ...]


class Line(NamedTuple):
    product: str
    quantity: int
    price: int
    amount: int
    cost: int


class Order(NamedTuple):
    key: str
    customer: str
    at: int
    known_at: int
    channel: str
    amount: int
    cost: int
    lines: tuple[Line, ...]


class OrderChange(NamedTuple):
    """What the company learnt later about an order: other lines, or that it never was one (void)."""

    order: str
    known_at: int
    void: bool
    amount: int
    cost: int
    lines: tuple[Line, ...]


class Return(NamedTuple):
    key: str
    order: str
    customer: str
    line: int  # place of the line in its order, from 0
    quantity: int
    amount: int
    cost: int
    reason: str
    at: int
    known_at: int


class Contract(NamedTuple):
    key: str
    customer: str
    renews: str  # the contract before it, or ""
    at: int  # signed
    known_at: int
    start: int
    end: int  # last day
    value: int
    auto_renew: bool
    notice_days: int


class ContractEnd(NamedTuple):
    contract: str
    customer: str
    kind: str  # renewed, lapsed or terminated
    at: int
    known_at: int
    end: int


class Interaction(NamedTuple):
    key: str
    customer: str
    contact: str
    employee: str
    kind: str  # call, visit, chat, email, meeting
    inbound: bool
    topic: str
    text: str
    language: str
    at: int
    known_at: int
    void_at: int = 0  # when the note turned out to be a mistake


class Complaint(NamedTuple):
    key: str
    customer: str
    contact: str
    order: str
    kind: str  # late, damaged, wrong, invoice, price, staff
    severity: int  # 1 to 3
    channel: str
    text: str
    language: str
    at: int
    known_at: int
    due_day: int  # ordinal of the day by whose end it must be resolved


class ComplaintStep(NamedTuple):
    complaint: str
    customer: str
    kind: str  # acknowledged, resolved, reopened
    employee: str
    at: int
    known_at: int
    due_day: int = 0  # the new one, when reopened


class Ownership(NamedTuple):
    customer: str
    employee: str
    at: int
    until: int  # 0 = still
    known_at: int
    reason: str  # won, left, portfolio


class Attribute(NamedTuple):
    customer: str
    code: str
    value: str
    at: int
    known_at: int


class Facts(NamedTuple):
    """All that the company knows, in lists; later issues add streams beside it, never fields in it."""

    teams: list[Team]
    employees: list[Employee]
    products: list[Product]
    customers: list[Customer]
    orders: list[Order]
    order_changes: list[OrderChange]
    returns: list[Return]
    contracts: list[Contract]
    contract_ends: list[ContractEnd]
    interactions: list[Interaction]
    complaints: list[Complaint]
    complaint_steps: list[ComplaintStep]
    ownerships: list[Ownership]
    attributes: list[Attribute]

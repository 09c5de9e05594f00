"""One piece of feedback as it comes, whatever it came from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from customers.models import Complaint, Contact, Customer, Mention, UnknownFeedback, User
from retention.models.rules import Severity
from surveys.models import SurveyResponse


@dataclass(frozen=True)
class Told:
    """One piece of feedback: what it is, of whom, how grave, and by when she was told to hear from us."""

    source: str
    subject: Complaint | SurveyResponse | Mention | UnknownFeedback
    kind: str
    customer: Customer | None
    received_at: datetime
    severity: int = Severity.MEDIUM
    contact: Contact | None = None
    respond_by: datetime | None = None
    due_at: datetime | None = None
    salt: str = ""
    token_hash: str = ""
    needs_case: bool = False
    owner: User | None = None  # who has it already

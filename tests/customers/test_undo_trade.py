"""Taking back imports of invoices, usage and colleagues."""

from __future__ import annotations

import pytest

from customers import undo
from customers.models import CommunityMembership, Customer, ExternalRef, IndicatorValue, Invoice, Usage, User
from tests.customers.undoing import LATER, bring, take_back
from tests.factories import CommunityFactory, IndicatorFactory, UserFactory

pytestmark = pytest.mark.django_db
INVOICES = "external_id,customer,occurred_at,due_on,total,paid_at,amount\n"


@pytest.fixture(autouse=True)
def _company(company):
    pass


def test_undo_import_counts_anew_what_was_settled_when_payments_go(tmp_path):
    bring(tmp_path, "payments", INVOICES + "I-1,C-1,2026-05-01,2026-05-20,100,2026-05-02,30\n")
    later = bring(tmp_path, "payments", INVOICES + "I-1,C-1,2026-05-01,2026-05-20,100,2026-05-03,50\n")
    assert Invoice.objects.get().settled == 8000
    take_back(later)
    assert Invoice.objects.get().settled == 3000


@pytest.mark.parametrize(
    ("kind", "model", "text"),
    [
        ("payments", Invoice, INVOICES + "I-1,C-1,2026-05-01,2026-05-20,100,,\n"),
        ("usage", Usage, "external_id,customer,occurred_at,metric,quantity\nU-1,C-1,2026-05-01,logins,3\n"),
        (
            "communities",
            CommunityMembership,
            "external_id,customer,occurred_at,community\nM-1,C-1,2026-05-01,tea\n",
        ),
        (
            "indicators",
            IndicatorValue,
            "external_id,customer,occurred_at,indicator,value\nH-1,C-1,2026-05-01,health-score,7\n",
        ),
    ],
)
def test_undo_import_takes_the_customers_back_that_were_made_on_the_way(tmp_path, kind, model, text):
    CommunityFactory(code="tea")
    IndicatorFactory()
    batch = bring(tmp_path, kind, text)
    assert Customer.objects.present().count() == model.objects.filter(void=False).count() == 1
    take_back(batch)
    assert not Customer.objects.present().exists()
    assert not model.objects.filter(void=False).exists()
    assert not ExternalRef.objects.exists()


def test_undo_import_leaves_accounts_and_says_so(tmp_path):
    admin = UserFactory(role="admin")
    batch = bring(tmp_path, "people", "email\nnew@example.com\n", by=admin)
    assert [blocker.text for blocker in undo.in_the_way(batch).shown] == [str(undo.AccountsStay.message)]
    with pytest.raises(undo.AccountsStay):
        take_back(batch, at=LATER, by=admin)
    assert User.objects.filter(email="new@example.com", is_active=True).exists()

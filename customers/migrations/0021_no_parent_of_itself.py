"""No customer is its own parent; longer circles are refused by the verb."""

from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [("customers", "0020_customer_file_indexes")]
    operations = [
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=~Q(parent=F("id")), name="customer_not_its_own_parent"
            ),
        ),
    ]

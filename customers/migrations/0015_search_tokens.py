"""One table of what customers are found by, alike on both databases, and what lists are sorted by.

It takes the place of the indexes of 0008 and 0010, which the version before still reads: they go with
the next one.
"""

import django.db.models.deletion
from django.db import migrations, models

import customers.ground.bytewise


class Migration(migrations.Migration):
    dependencies = [("customers", "0014_customer_lists")]
    operations = [
        migrations.CreateModel(
            name="SearchToken",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "customer_id",
                        "contact_id",
                        "kind",
                        "token",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="customers.customer",
                    ),
                ),
                ("contact_id", models.BigIntegerField(default=0)),
                (
                    "kind",
                    models.SmallIntegerField(
                        choices=[
                            (1, "Name"),
                            (2, "Name Alt"),
                            (3, "Contact"),
                            (4, "Pinyin"),
                            (5, "Initials"),
                            (6, "Phone"),
                            (7, "Email"),
                            (8, "Former"),
                        ]
                    ),
                ),
                (
                    "place",
                    models.SmallIntegerField(
                        choices=[(0, "Start"), (1, "Word"), (2, "Inside"), (3, "Tail")]
                    ),
                ),
                ("token", customers.ground.bytewise.BytewiseField(max_length=48)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["place", "token", "customer"], name="search_token_typed")
                ],
            },
        ),
        migrations.AddField(
            model_name="customer",
            name="sort_key",
            field=customers.ground.bytewise.BytewiseField(
                blank=True, db_default="", default="", editable=False, max_length=100
            ),
        ),
    ]

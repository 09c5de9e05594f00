"""Contracts have an owner and know what they renew; links for calendar programs."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

RENEWALS = [
    ("same", "renewed"),
    ("renegotiated", "renegotiated"),
    ("longer", "longer term"),
    ("itself", "renewed by itself"),
]


class Migration(migrations.Migration):
    dependencies = [("customers", "0031_one_time_link")]
    operations = [
        migrations.CreateModel(
            name="CalendarLink",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("secret_hash", models.CharField(max_length=64, unique=True)),
                ("created_at", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("revoked_at__isnull", True)),
                        fields=("user",),
                        name="calendar_link_one",
                    )
                ]
            },
        ),
        migrations.AddField(
            model_name="contract",
            name="owner",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="contracts",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="contract",
            name="renewal",
            field=models.CharField(blank=True, choices=RENEWALS, db_default="", max_length=12),
        ),
        migrations.AddField(
            model_name="contract",
            name="renews",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="renewals",
                to="customers.contract",
            ),
        ),
        migrations.AddField(
            model_name="contractversion", name="owner_id", field=models.BigIntegerField(null=True)
        ),
        migrations.AddField(
            model_name="contractversion",
            name="renewal",
            field=models.CharField(blank=True, db_default="", max_length=12),
        ),
        migrations.AddField(
            model_name="contractversion", name="renews_id", field=models.BigIntegerField(null=True)
        ),
    ]

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0031_birthday_index'),
    ]

    operations = [
        migrations.AddField(
            model_name='contact',
            name='at_most_once_in_days',
            field=models.PositiveSmallIntegerField(blank=True, choices=[(30, 'once in 30 days'), (90, 'once in 90 days')], null=True, verbose_name='contacted at most'),
        ),
        migrations.AddConstraint(
            model_name='contact',
            constraint=models.CheckConstraint(condition=models.Q(('at_most_once_in_days__isnull', True), ('at_most_once_in_days__in', [30, 90]), _connector='OR'), name='contact_at_most_once'),
        ),
    ]

"""A case can grant recovery points."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('retention', '0034_loyalty_measures'),
    ]

    operations = [
        migrations.AlterField(
            model_name='casemove',
            name='kind',
            field=models.CharField(choices=[('opened', 'opened the case'), ('joined', 'added a new reason to the case'), ('assigned', 'gave the case to somebody'), ('reassigned', 'gave the case to somebody else'), ('unassigned', 'took the case back'), ('working', 'began to work on the case'), ('planned', 'planned a call'), ('called', 'logged a call'), ('needs_data', 'found that the phone number is wrong'), ('do_not_call', 'noted that the customer wants no calls'), ('escalated', 'escalated an overdue call'), ('diagnosed', 'entered the diagnosis'), ('closed', 'closed the case'), ('recovered', 'closed the case: the signs are gone'), ('objected', 'closed the case: profiling was objected to'), ('merged', 'made one case of two'), ('parted', 'made two cases of one again'), ('dismissed', 'said that a warning is no sign'), ('points', 'granted recovery points')], max_length=16),
        ),
    ]

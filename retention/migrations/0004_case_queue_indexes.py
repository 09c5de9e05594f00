"""The queue of one colleague, of a team and of everybody, each in its order; and what is due when."""

from django.db import migrations, models

from customers.ground.migrating import AddIndexBesideWriters, DropIndexOnce


class Migration(migrations.Migration):

    atomic = False

    dependencies = [("retention", "0003_fill_case_team")]

    operations = [
        DropIndexOnce(
            model_name='retentioncase',
            name='case_queue',
        ),
        AddIndexBesideWriters(
            model_name='retentioncase',
            index=models.Index(condition=models.Q(('status', 'closed'), _negated=True), fields=['assignee', 'rank', 'due', 'id'], name='case_queue'),
        ),
        AddIndexBesideWriters(
            model_name='retentioncase',
            index=models.Index(condition=models.Q(('status', 'closed'), _negated=True), fields=['team', 'rank', 'due', 'id'], name='case_queue_team'),
        ),
        AddIndexBesideWriters(
            model_name='retentioncase',
            index=models.Index(condition=models.Q(('status', 'closed'), _negated=True), fields=['rank', 'due', 'id'], name='case_queue_all'),
        ),
        AddIndexBesideWriters(
            model_name='retentioncase',
            index=models.Index(condition=models.Q(('status', 'closed'), _negated=True), fields=['due', 'rank', 'id'], name='case_due'),
        ),
    ]

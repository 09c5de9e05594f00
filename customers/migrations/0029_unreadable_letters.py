from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0028_mention_indexes'),
    ]

    operations = [
        migrations.AlterField(
            model_name='letterin',
            name='outcome',
            field=models.CharField(choices=[('feedback', 'is feedback'), ('reply', 'answers a message of ours'), ('automatic', 'was sent by a machine'), ('own', 'came from ourselves'), ('empty', 'says nothing'), ('unreadable', 'could not be read')], max_length=12),
        ),
    ]

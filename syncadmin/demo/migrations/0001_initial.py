from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Activity",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("on", models.BooleanField(default=True)),
                ("changed_by", models.CharField(blank=True, max_length=150)),
                ("edits", models.PositiveBigIntegerField(default=0)),
                ("last", models.CharField(blank=True, max_length=200)),
                ("beat_at", models.DateTimeField(null=True)),
            ],
            options={"verbose_name_plural": "activity"},
        ),
    ]

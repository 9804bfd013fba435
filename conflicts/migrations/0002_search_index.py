"""Searching values gets its index, on PostgreSQL."""

from django.db import migrations

INDEX = """
    CREATE INDEX conflict_search ON conflicts_conflict
    USING gin (array_to_tsvector(string_to_array(btrim(search), ' ')))
"""


def forwards(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(INDEX)


class Migration(migrations.Migration):
    dependencies = [("conflicts", "0001_initial")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]

"""Items that are there already become findable by the new lists; searching gets its index."""

from django.db import migrations

INDEX = """
    CREATE INDEX conflict_search ON conflicts_conflict
    USING gin (array_to_tsvector(string_to_array(btrim(search), ' ')))
"""


def forwards(apps, schema_editor):
    from conflicts.listing import relist  # reads and writes named columns only

    for mapping_id in apps.get_model("syncadmin", "Mapping").objects.values_list("pk", flat=True):
        relist(mapping_id, every=True)


def index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(INDEX)


class Migration(migrations.Migration):
    dependencies = [("conflicts", "0007_lists"), ("syncadmin", "0009_inbox_weights")]
    operations = [
        migrations.RunPython(forwards, migrations.RunPython.noop),
        migrations.RunPython(index, migrations.RunPython.noop),
    ]

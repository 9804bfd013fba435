"""The database itself refuses updates and deletes of journal rows; links leave room for in-page updates."""

from django.db import migrations

POSTGRES = [
    """
    CREATE FUNCTION syncadmin_journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'the journal is append-only'; END $$
    """,
    """
    CREATE TRIGGER syncadmin_journal_append_only BEFORE UPDATE OR DELETE ON syncadmin_entry
    FOR EACH ROW EXECUTE FUNCTION syncadmin_journal_is_append_only()
    """,
    "ALTER TABLE syncadmin_link SET (fillfactor = 80)",
]
SQLITE = [
    f"""
    CREATE TRIGGER syncadmin_journal_no_{verb.lower()} BEFORE {verb} ON syncadmin_entry
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END
    """
    for verb in ("UPDATE", "DELETE")
]


def forwards(apps, schema_editor):
    statements = POSTGRES if schema_editor.connection.vendor == "postgresql" else SQLITE
    for statement in statements:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("syncadmin", "0001_initial")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]

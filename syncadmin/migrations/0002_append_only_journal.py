"""The database itself refuses updates and deletes of journal rows, and updates of sheets and signatures; links
leave room for in-page updates."""

from django.db import migrations

SHEETS = ("syncadmin_assessmentversion", "syncadmin_assessmentsignature")
POSTGRES = [
    """
    CREATE FUNCTION syncadmin_journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'the journal is append-only'; END $$
    """,
    """
    CREATE TRIGGER syncadmin_journal_append_only BEFORE UPDATE OR DELETE ON syncadmin_entry
    FOR EACH ROW EXECUTE FUNCTION syncadmin_journal_is_append_only()
    """,
    """
    CREATE FUNCTION syncadmin_sheet_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'a sheet is never changed'; END $$
    """,
    *(
        f"""
        CREATE TRIGGER {table}_append_only BEFORE UPDATE ON {table}
        FOR EACH ROW EXECUTE FUNCTION syncadmin_sheet_is_append_only()
        """
        for table in SHEETS
    ),
    "ALTER TABLE syncadmin_link SET (fillfactor = 80)",
]
SQLITE = [
    f"""
    CREATE TRIGGER syncadmin_journal_no_{verb.lower()} BEFORE {verb} ON syncadmin_entry
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END
    """
    for verb in ("UPDATE", "DELETE")
] + [
    f"""
    CREATE TRIGGER {table}_append_only BEFORE UPDATE ON {table}
    BEGIN SELECT RAISE(ABORT, 'a sheet is never changed'); END
    """
    for table in SHEETS
]


def forwards(apps, schema_editor):
    statements = POSTGRES if schema_editor.connection.vendor == "postgresql" else SQLITE
    for statement in statements:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("syncadmin", "0001_initial")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]

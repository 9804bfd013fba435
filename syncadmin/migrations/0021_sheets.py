"""Sheets are append-only in the database, too; groups may look at them.
Permissions are made first: Django does so only after all migrations have run."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

from syncadmin.permissions import make_groups

TABLES = ("syncadmin_assessmentversion", "syncadmin_assessmentsignature")
REFUSED = "a sheet is never changed"


def forwards(apps, schema_editor):
    postgres = schema_editor.connection.vendor == "postgresql"
    if postgres:
        schema_editor.execute(
            "CREATE FUNCTION syncadmin_sheet_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{REFUSED}'; END $$"
        )
    for table in TABLES:
        head = f"CREATE TRIGGER {table}_append_only BEFORE UPDATE ON {table}"
        if postgres:
            schema_editor.execute(f"{head} FOR EACH ROW EXECUTE FUNCTION syncadmin_sheet_is_append_only()")
        else:
            schema_editor.execute(f"{head} BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END")
    config = apps.get_app_config("syncadmin")
    config.models_module = True
    create_permissions(config, apps=apps, verbosity=0, using=schema_editor.connection.alias)
    config.models_module = None
    make_groups(apps.get_model("auth", "Group"), apps.get_model("auth", "Permission"))


class Migration(migrations.Migration):
    dependencies = [("syncadmin", "0020_assessment")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]

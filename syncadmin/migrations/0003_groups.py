"""The groups Integrator, Reviewer, Auditor and Operator. Permissions are made first: Django does so only after
all migrations have run."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

from syncadmin.permissions import make_groups


def forwards(apps, schema_editor):
    for label in ("auth", "syncadmin", "conflicts"):
        config = apps.get_app_config(label)
        config.models_module = True
        create_permissions(config, apps=apps, verbosity=0, using=schema_editor.connection.alias)
        config.models_module = None
    make_groups(apps.get_model("auth", "Group"), apps.get_model("auth", "Permission"))


class Migration(migrations.Migration):
    dependencies = [
        ("syncadmin", "0002_append_only_journal"),
        ("conflicts", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]

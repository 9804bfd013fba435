"""Integrators and operators may rehearse mappings; an installation may take that away from a group.
Permissions are made first: Django does so only after all migrations have run."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

from syncadmin.permissions import make_groups


def forwards(apps, schema_editor):
    config = apps.get_app_config("syncadmin")
    config.models_module = True
    create_permissions(config, apps=apps, verbosity=0, using=schema_editor.connection.alias)
    config.models_module = None
    make_groups(apps.get_model("auth", "Group"), apps.get_model("auth", "Permission"))


class Migration(migrations.Migration):
    dependencies = [("syncadmin", "0018_rehearsals")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]

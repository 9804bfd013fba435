"""All tables."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('syncadmin', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='BulkRun',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('decide', 'Decide'), ('undo', 'Undo')], default='decide', max_length=6)),
                ('query', models.TextField(blank=True)),
                ('ticked', models.JSONField(default=list)),
                ('rule', models.CharField(blank=True, max_length=10)),
                ('override', models.BooleanField(default=False, help_text='Undo: also what has moved since.')),
                ('actor', models.CharField(max_length=150)),
                ('state', models.CharField(choices=[('preparing', 'Preparing'), ('ready', 'Ready'), ('running', 'Running'), ('done', 'Done'), ('cancelled', 'Cancelled')], default='preparing', max_length=9)),
                ('after', models.BigIntegerField(default=0)),
                ('seen', models.PositiveIntegerField(default=0)),
                ('cut', models.BooleanField(default=False, help_text='There were more items than one run takes.')),
                ('counts', models.JSONField(default=dict)),
                ('chosen', models.PositiveIntegerField(default=0)),
                ('decided', models.PositiveIntegerField(default=0)),
                ('created_at', models.DateTimeField()),
                ('confirmed_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('beat_at', models.DateTimeField()),
                ('of', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='undos', to='conflicts.bulkrun')),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-id'],
                'permissions': [('bulk_resolve_conflict', 'Can resolve many conflicts at once')],
            },
        ),
        migrations.CreateModel(
            name='Conflict',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('side', models.CharField(blank=True, choices=[('left', 'left'), ('right', 'right')], max_length=5)),
                ('key', models.TextField(blank=True)),
                ('kind', models.CharField(choices=[('field', 'field'), ('ambiguous match', 'ambiguous match'), ('deleted / changed', 'deleted / changed'), ('delete', 'delete'), ('left scope', 'left scope'), ('rejected', 'rejected')], max_length=20)),
                ('state', models.CharField(choices=[('open', 'Open'), ('decided', 'Decided'), ('closed', 'Closed')], default='open', max_length=7)),
                ('revision', models.PositiveIntegerField(default=1)),
                ('label', models.CharField(blank=True, max_length=200)),
                ('reason', models.TextField(blank=True)),
                ('said', models.TextField(blank=True)),
                ('candidates', models.JSONField(default=list)),
                ('twins', models.JSONField(default=list)),
                ('snapshot', models.JSONField(default=dict)),
                ('seqs', models.JSONField(default=dict)),
                ('moved', models.BooleanField(default=False)),
                ('decision', models.JSONField(null=True)),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('opened_at', models.DateTimeField()),
                ('changed_at', models.DateTimeField()),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('closed_how', models.CharField(blank=True, max_length=100)),
                ('claimed_until', models.DateTimeField(blank=True, null=True)),
                ('snoozed_until', models.DateTimeField(blank=True, null=True)),
                ('hold_reason', models.TextField(blank=True)),
                ('second_look', models.CharField(blank=True, choices=[('wanted', 'Wanted'), ('proposed', 'Proposed')], max_length=8)),
                ('told', models.PositiveSmallIntegerField(choices=[(0, 'Nothing'), (1, 'Soon'), (2, 'Overdue'), (3, 'Escalated')], default=0)),
                ('impact', models.FloatField(default=0)),
                ('value', models.FloatField(blank=True, null=True)),
                ('waiting', models.PositiveIntegerField(default=0)),
                ('search', models.TextField(blank=True)),
                ('assignee', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='assigned_conflicts', to=settings.AUTH_USER_MODEL)),
                ('claimed_by', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='claimed_conflicts', to=settings.AUTH_USER_MODEL)),
                ('decided_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL)),
                ('held_by', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='held_conflicts', to=settings.AUTH_USER_MODEL)),
                ('link', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='conflicts', to='syncadmin.link')),
                ('mapping', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='conflicts', to='syncadmin.mapping')),
            ],
            options={
                'ordering': ['id'],
                'permissions': [('resolve_conflict', 'Can resolve conflicts')],
            },
        ),
        migrations.CreateModel(
            name='Comment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('text', models.TextField()),
                ('token', models.UUIDField(help_text='Made with the form: the same form sent twice says it once.', unique=True)),
                ('author', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='conflict_comments', to=settings.AUTH_USER_MODEL)),
                ('mentions', models.ManyToManyField(blank=True, related_name='conflict_mentions', to=settings.AUTH_USER_MODEL)),
                ('conflict', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='comments', to='conflicts.conflict')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='BulkItem',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('revision', models.PositiveIntegerField()),
                ('label', models.CharField(blank=True, max_length=200)),
                ('picks', models.JSONField(default=dict)),
                ('state', models.CharField(choices=[('chosen', 'Chosen'), ('decided', 'Decided'), ('left out', 'Left Out')], max_length=8)),
                ('reason', models.CharField(blank=True, max_length=20)),
                ('detail', models.CharField(blank=True, max_length=200)),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='items', to='conflicts.bulkrun')),
                ('conflict', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='bulk_items', to='conflicts.conflict')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='ConflictField',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('field', models.CharField(max_length=50)),
                ('has_base', models.BooleanField(default=True)),
                ('base_left', models.JSONField(null=True)),
                ('base_right', models.JSONField(null=True)),
                ('left', models.JSONField(null=True)),
                ('right', models.JSONField(null=True)),
                ('left_time', models.DateTimeField(null=True)),
                ('right_time', models.DateTimeField(null=True)),
                ('left_who', models.CharField(blank=True, max_length=150)),
                ('right_who', models.CharField(blank=True, max_length=150)),
                ('left_seq', models.BigIntegerField(null=True)),
                ('right_seq', models.BigIntegerField(null=True)),
                ('reason', models.TextField(blank=True)),
                ('pick', models.JSONField(null=True)),
                ('pattern', models.CharField(blank=True, max_length=20)),
                ('changed', models.CharField(blank=True, max_length=5)),
                ('conflict', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='fields', to='conflicts.conflict')),
            ],
            options={
                'ordering': ['conflict', 'id'],
            },
        ),
        migrations.CreateModel(
            name='ConflictGroup',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('field', 'field'), ('ambiguous match', 'ambiguous match'), ('deleted / changed', 'deleted / changed'), ('delete', 'delete'), ('left scope', 'left scope'), ('rejected', 'rejected')], max_length=20)),
                ('field', models.CharField(blank=True, max_length=50)),
                ('pattern', models.CharField(blank=True, max_length=20)),
                ('changed', models.CharField(blank=True, max_length=5)),
                ('items', models.BigIntegerField(default=0)),
                ('facets', models.BigIntegerField(default=0)),
                ('mapping', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='conflict_groups', to='syncadmin.mapping')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Facet',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('first', models.BooleanField()),
                ('open', models.BooleanField()),
                ('impact', models.FloatField()),
                ('opened_at', models.DateTimeField()),
                ('conflict', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='facets', to='conflicts.conflict')),
                ('group', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='members', to='conflicts.conflictgroup')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='LearnedRule',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('field', models.CharField(max_length=50)),
                ('pattern', models.CharField(max_length=20)),
                ('changed', models.CharField(blank=True, max_length=5)),
                ('take', models.CharField(choices=[('left', 'left'), ('right', 'right')], max_length=5)),
                ('state', models.CharField(choices=[('proposed', 'proposed'), ('approved', 'in force'), ('suspended', 'suspended'), ('ended', 'ended')], default='proposed', max_length=9)),
                ('evidence', models.JSONField(default=dict)),
                ('proposed_at', models.DateTimeField()),
                ('answered_at', models.DateTimeField(null=True)),
                ('note', models.TextField(blank=True)),
                ('counts_from', models.DateTimeField(null=True)),
                ('suspended_at', models.DateTimeField(null=True)),
                ('uses', models.PositiveIntegerField(default=0)),
                ('overruled', models.PositiveIntegerField(default=0)),
                ('answered_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('mapping', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='learned_rules', to='syncadmin.mapping')),
                ('proposed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Decision',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('field', models.CharField(blank=True, max_length=50)),
                ('kind', models.CharField(max_length=10)),
                ('left', models.JSONField(null=True)),
                ('right', models.JSONField(null=True)),
                ('ancestor', models.JSONField(null=True)),
                ('left_seq', models.BigIntegerField(null=True)),
                ('right_seq', models.BigIntegerField(null=True)),
                ('seq', models.BigIntegerField()),
                ('at', models.DateTimeField()),
                ('undone_at', models.DateTimeField(null=True)),
                ('pattern', models.CharField(blank=True, max_length=20)),
                ('changed', models.CharField(blank=True, max_length=5)),
                ('followed', models.BooleanField(default=False)),
                ('overruled', models.CharField(blank=True, choices=[('undone', 'undone'), ('decided', 'decided otherwise'), ('edited', 'edited back')], max_length=9)),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('conflict', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='decisions', to='conflicts.conflict')),
                ('link', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='decisions', to='syncadmin.link')),
                ('mapping', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='decisions', to='syncadmin.mapping')),
                ('run', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='decisions', to='conflicts.bulkrun')),
                ('rule', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='decisions', to='conflicts.learnedrule')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='SavedView',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=60)),
                ('query', models.TextField(blank=True)),
                ('shared', models.BooleanField(default=False)),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='saved_views', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['name', 'id'],
                'permissions': [('share_savedview', 'Can share saved views with all')],
            },
        ),
        migrations.CreateModel(
            name='DefaultView',
            fields=[
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='default_view', serialize=False, to=settings.AUTH_USER_MODEL)),
                ('view', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='default_of', to='conflicts.savedview')),
            ],
        ),
        migrations.CreateModel(
            name='SecondLook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('asked_at', models.DateTimeField()),
                ('revision', models.PositiveIntegerField()),
                ('picks', models.JSONField(default=dict)),
                ('note', models.TextField(blank=True)),
                ('answer', models.CharField(blank=True, choices=[('approved', 'Approved'), ('declined', 'Declined'), ('void', 'Void')], max_length=8)),
                ('answered_at', models.DateTimeField(null=True)),
                ('comment', models.TextField(blank=True)),
                ('answered_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='second_looks_answered', to=settings.AUTH_USER_MODEL)),
                ('asked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='second_looks_asked', to=settings.AUTH_USER_MODEL)),
                ('conflict', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='second_looks', to='conflicts.conflict')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.AddIndex(
            model_name='bulkrun',
            index=models.Index(condition=models.Q(('state__in', ['preparing', 'running'])), fields=['beat_at'], name='bulk_run_at_work'),
        ),
        migrations.AddIndex(
            model_name='conflict',
            index=models.Index(fields=['state', 'mapping', 'id'], name='conflict_list'),
        ),
        migrations.AddIndex(
            model_name='conflict',
            index=models.Index(condition=models.Q(('assignee__isnull', False)), fields=['assignee', 'id'], name='conflict_assigned'),
        ),
        migrations.AddIndex(
            model_name='conflict',
            index=models.Index(condition=models.Q(('snoozed_until__isnull', False)), fields=['snoozed_until'], name='conflict_snoozed'),
        ),
        migrations.AddIndex(
            model_name='conflict',
            index=models.Index(condition=models.Q(('claimed_until__isnull', False)), fields=['claimed_until'], name='conflict_claimed'),
        ),
        migrations.AddIndex(
            model_name='conflict',
            index=models.Index(condition=models.Q(('hold_reason', ''), _negated=True), fields=['id'], name='conflict_held'),
        ),
        migrations.AddIndex(
            model_name='conflict',
            index=models.Index(condition=models.Q(('state', 'open'), ('told__lt', 3)), fields=['mapping', 'told', 'opened_at'], name='conflict_to_tell'),
        ),
        migrations.AddConstraint(
            model_name='conflict',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['open', 'decided']), ('link__isnull', False)), fields=('link',), name='one_item_a_link'),
        ),
        migrations.AddConstraint(
            model_name='conflict',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['open', 'decided']), ('link__isnull', True)), fields=('mapping', 'side', 'key'), name='one_item_a_record'),
        ),
        migrations.AddIndex(
            model_name='bulkitem',
            index=models.Index(fields=['run', 'state', 'id'], name='bulk_items'),
        ),
        migrations.AddConstraint(
            model_name='bulkitem',
            constraint=models.UniqueConstraint(fields=('run', 'conflict'), name='bulk_item_once'),
        ),
        migrations.AddConstraint(
            model_name='conflictfield',
            constraint=models.UniqueConstraint(fields=('conflict', 'field'), name='conflict_field_once'),
        ),
        migrations.AddConstraint(
            model_name='conflictgroup',
            constraint=models.UniqueConstraint(fields=('mapping', 'kind', 'field', 'pattern', 'changed'), name='conflict_group_once'),
        ),
        migrations.AddIndex(
            model_name='facet',
            index=models.Index(condition=models.Q(('first', True), ('open', True)), fields=['-impact', '-conflict'], name='facet_impact'),
        ),
        migrations.AddIndex(
            model_name='facet',
            index=models.Index(condition=models.Q(('first', True), ('open', True)), fields=['opened_at', 'conflict', 'impact'], name='facet_age'),
        ),
        migrations.AddIndex(
            model_name='facet',
            index=models.Index(condition=models.Q(('open', True)), fields=['group', '-impact', '-conflict'], name='facet_group_impact'),
        ),
        migrations.AddIndex(
            model_name='facet',
            index=models.Index(condition=models.Q(('open', True)), fields=['group', 'opened_at', 'conflict', 'impact'], name='facet_group_age'),
        ),
        migrations.AddIndex(
            model_name='facet',
            index=models.Index(condition=models.Q(('first', True), ('open', True)), fields=['group', '-impact', '-conflict'], name='facet_item_impact'),
        ),
        migrations.AddIndex(
            model_name='facet',
            index=models.Index(condition=models.Q(('first', True), ('open', True)), fields=['group', 'opened_at', 'conflict', 'impact'], name='facet_item_age'),
        ),
        migrations.AddConstraint(
            model_name='learnedrule',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'ended'), _negated=True), fields=('mapping', 'field', 'pattern', 'changed'), name='one_rule_a_habit'),
        ),
        migrations.AddIndex(
            model_name='decision',
            index=models.Index(condition=models.Q(('rule', None)), fields=['mapping', 'field', 'pattern', 'changed', 'id'], name='decision_habit'),
        ),
        migrations.AddIndex(
            model_name='decision',
            index=models.Index(condition=models.Q(('rule__isnull', False)), fields=['rule', 'id'], name='decision_by_rule'),
        ),
        migrations.AddConstraint(
            model_name='decision',
            constraint=models.UniqueConstraint(fields=('mapping', 'seq'), name='decision_in_journal'),
        ),
        migrations.AddConstraint(
            model_name='savedview',
            constraint=models.UniqueConstraint(fields=('owner', 'name'), name='saved_view_name_once'),
        ),
        migrations.AddConstraint(
            model_name='secondlook',
            constraint=models.UniqueConstraint(condition=models.Q(('answer', '')), fields=('conflict',), name='one_open_second_look_an_item'),
        ),
    ]

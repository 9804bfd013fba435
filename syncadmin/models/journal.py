"""The journal: the append-only history of changes, decisions and writes, one hash chain a mapping.

Rows are only ever inserted, by `syncadmin.engine.ledger`; the database itself refuses updates and deletes.
"""

from __future__ import annotations

from django.db import models

from .mappings import SIDE_CHOICES, Mapping


class EntryKind(models.TextChoices):
    """What an entry tells."""

    CHANGE = "change"  # an observed change (side, field, old, new)
    DISPOSITION = "disposition"  # what became of the change `of`
    WRITE = "write"  # a write and its outcome; `of` is the change it propagates
    LINK = "link"  # records were paired, or a pair was closed
    DECISION = "decision"  # a person's resolution
    NOTE = "note"  # a guard stop, an approval, a summary


class Entry(models.Model):
    """One journal entry. `old` and `new` are canonical values as JSON; `of` is a `seq` of this mapping."""

    id = models.BigAutoField(primary_key=True)
    mapping = models.ForeignKey(Mapping, on_delete=models.PROTECT, related_name="entries")
    seq = models.BigIntegerField()
    at = models.DateTimeField()
    kind = models.CharField(max_length=11, choices=EntryKind.choices)
    pass_id = models.BigIntegerField(null=True)
    link_id = models.BigIntegerField(null=True)
    side = models.CharField(max_length=5, blank=True, choices=SIDE_CHOICES)
    key = models.TextField(blank=True)
    field = models.CharField(max_length=50, blank=True)
    old = models.TextField(null=True)  # noqa: DJ001
    new = models.TextField(null=True)  # noqa: DJ001
    disposition = models.CharField(max_length=10, blank=True)
    rule = models.TextField(blank=True)
    of = models.BigIntegerField(null=True)
    actor = models.CharField(max_length=150, blank=True)
    changed_at = models.DateTimeField(null=True)
    hash = models.BinaryField()

    class Meta:
        ordering = ["-id"]
        verbose_name = "journal entry"
        verbose_name_plural = "journal"
        constraints = [models.UniqueConstraint(fields=["mapping", "seq"], name="journal_sequence")]
        indexes = [
            models.Index(fields=["mapping", "link_id"], name="journal_link"),
            models.Index(fields=["mapping", "side", "key"], name="journal_key"),
            models.Index(fields=["pass_id"], name="journal_pass"),
        ]

    def __str__(self) -> str:
        return f"{self.mapping_id}/{self.seq} {self.kind}"

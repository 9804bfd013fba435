"""What the hub knows and is doing: links with their shadows, cursors, dirty marks, intents, leases.

Canonical values are kept as bytes (`core.values.encode`), so that equal values are equal bytes and a
million links stay small. The journal's head is kept with the lease: whoever may store, may append.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import NamedTuple

from django.db import connection, models
from django.db.models import Q
from django.utils import timezone

from .mappings import SIDE_CHOICES, Mapping


class MappingState(models.Model):
    """One row a mapping: the lease with its fencing number, what is due, what stopped it.

    `uid` names it for ever; `stored` counts the transactions of its passes. `restored_from` is set if the
    database was restored from a backup of then, until everything has been compared.

    Every storing transaction locks this row and checks `token`; a worker that lost its lease can store
    nothing. `stopped` says why no pass runs until a person acts ('' if none). `sequence` and `head`
    are the last journal entry's number and hash.
    """

    mapping = models.OneToOneField(Mapping, on_delete=models.CASCADE, primary_key=True, related_name="state")
    uid = models.UUIDField(default=uuid.uuid4, editable=False)
    token = models.BigIntegerField(default=0)
    stored = models.BigIntegerField(default=0)
    restored_from = models.DateTimeField(null=True, blank=True)
    holder = models.CharField(max_length=100, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    next_due = models.DateTimeField(default=timezone.now, db_index=True)
    next_reconcile = models.DateTimeField(default=timezone.now)
    stopped = models.CharField(max_length=20, blank=True, help_text="guard, configuration or empty")
    message = models.TextField(blank=True)
    guarantees = models.JSONField(
        default=dict,
        help_text="By side, how safe an update is: atomic, checked, blind; 'left delete': a delete.",
    )
    shape = models.JSONField(
        default=dict, help_text="By side, the types of the fields when a pass last saw them; empty: not yet."
    )
    limits = models.JSONField(
        default=dict, help_text="By side and field mapping, what the system takes, as a pass last saw it."
    )
    weighed = models.JSONField(
        default=dict, help_text="The weights that the inbox's items were last ordered with; empty: not yet."
    )
    remembered = models.JSONField(
        default=dict,
        help_text="What the links are made by: names of fields, match keys; fields renamed since.",
    )
    retired_at = models.DateTimeField(null=True, help_text="Since when it is out of service for good.")
    sequence = models.BigIntegerField(default=0)
    head = models.BinaryField(default=b"")

    def __str__(self) -> str:
        return f"{self.mapping} ({self.stopped or 'ok'})"


class Locked(NamedTuple):
    """What a transaction needs of a mapping's state row that it has locked."""

    token: int
    sequence: int
    head: bytes
    uid: uuid.UUID
    stored: int


def locked(mapping_id: int) -> Locked:
    """Lock a mapping's state row until the end of the transaction. Raises MappingState.DoesNotExist."""
    lock = "FOR UPDATE" if connection.features.has_select_for_update else ""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT token, sequence, head, uid, stored FROM syncadmin_mappingstate "
            f"WHERE mapping_id = %s {lock}",
            [mapping_id],
        )
        found = cursor.fetchone()
    if found is None:
        raise MappingState.DoesNotExist(f"mapping {mapping_id} has no state")
    return Locked(found[0], found[1], bytes(found[2]), uuid.UUID(str(found[3])), found[4])


def lock_all(mapping_ids: Iterable[int]) -> list[MappingState]:
    """Lock the state rows of several mappings until the end of the transaction, in the one order for all.

    Whoever locks more than one takes them by this, before any other lock: else two wait for each other.
    """
    rows = MappingState.objects.filter(mapping__in=set(mapping_ids)).order_by("mapping_id")
    return list(rows.select_for_update().only("mapping_id", "expires_at"))


class LinkStatus(models.TextChoices):
    """Open links are synced; closed ones are history; frozen ones wait for a person."""

    OPEN = "open"
    CLOSED = "closed"
    FROZEN = "frozen"


class Link(models.Model):
    """The pairing of one left record with one right record, with the shadow of each side.

    `right_shadow` NULL means the same bytes as `left_shadow`. A version is kept only if the side's
    state as of that version equals its shadow entirely. `held` tells that an open conflict hangs on it, so
    that both sides must be read before deciding. `match` is the encoded match values as last agreed, `alone`
    what people chose to leave different.
    """

    id = models.BigAutoField(primary_key=True)
    mapping = models.ForeignKey(Mapping, on_delete=models.CASCADE, related_name="links")
    left_key = models.TextField()
    right_key = models.TextField()
    left_shadow = models.BinaryField()
    right_shadow = models.BinaryField(null=True)
    left_version = models.TextField(null=True)  # noqa: DJ001
    right_version = models.TextField(null=True)  # noqa: DJ001
    match = models.BinaryField(null=True)
    alone = models.BinaryField(null=True)
    held = models.BooleanField(default=False)
    status = models.CharField(max_length=6, choices=LinkStatus.choices, default=LinkStatus.OPEN)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["mapping", "left_key"], condition=~Q(status="closed"), name="left_key_linked_once"
            ),
            models.UniqueConstraint(
                fields=["mapping", "right_key"], condition=~Q(status="closed"), name="right_key_linked_once"
            ),
        ]
        indexes = [
            models.Index(fields=["mapping", "match"], name="link_match", condition=Q(match__isnull=False))
        ]

    def __str__(self) -> str:
        return f"{self.left_key} = {self.right_key}"


class Unlinked(models.Model):
    """A record seen on one side that is not paired (waiting for a person, or creation is off).

    `ignored` is a person's decision that it is never to be synced; `alone` is encoded as a link's.
    `first_seen` is when the hub first saw it as one without a partner.
    """

    mapping = models.ForeignKey(Mapping, on_delete=models.CASCADE, related_name="unlinked")
    side = models.CharField(max_length=5, choices=SIDE_CHOICES)
    key = models.TextField()
    match = models.BinaryField(null=True)
    ignored = models.BooleanField(default=False)
    alone = models.BinaryField(null=True)
    first_seen = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mapping", "side", "key"], name="unlinked_once")]
        indexes = [
            models.Index(fields=["mapping", "match"], name="unlinked_match"),
            models.Index(fields=["mapping", "side", "first_seen"], name="unlinked_since"),
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.key}"


class Distinct(models.Model):
    """A person's word that two records with the same match values are not the same; `by` is who said so."""

    mapping = models.ForeignKey(Mapping, on_delete=models.CASCADE, related_name="distincts")
    left_key = models.TextField()
    right_key = models.TextField()
    by = models.CharField(max_length=150, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mapping", "left_key", "right_key"], name="distinct_once")
        ]
        indexes = [models.Index(fields=["mapping", "right_key"], name="distinct_right")]

    def __str__(self) -> str:
        return f"{self.left_key} is not {self.right_key}"


class Doubt(models.Model):
    """Two unlinked records of which one may be the other's copy, made by a create whose answer was lost.

    Whether they are the same is a person's decision.
    """

    mapping = models.ForeignKey(Mapping, on_delete=models.CASCADE, related_name="doubts")
    left_key = models.TextField()
    right_key = models.TextField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mapping", "left_key", "right_key"], name="doubt_once")
        ]
        indexes = [models.Index(fields=["mapping", "right_key"], name="doubt_right")]

    def __str__(self) -> str:
        return f"{self.left_key} may be {self.right_key}"


class Cursor(models.Model):
    """How far a side has been read. Stored in one transaction with the marks of what was read.

    `waiting_since` is when the oldest change was made that is not read yet, if that is some time ago; the
    listener says so, of systems that it listens to.
    """

    mapping = models.ForeignKey(Mapping, on_delete=models.CASCADE, related_name="cursors")
    side = models.CharField(max_length=5, choices=SIDE_CHOICES)
    value = models.JSONField(null=True)
    read_at = models.DateTimeField(null=True)
    waiting_since = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mapping", "side"], name="cursor_once_a_side")]

    def __str__(self) -> str:
        return f"{self.mapping} {self.side}"


class KeyRanges(models.Model):
    """Fingerprints of a side by ranges of its keys, as of the last comparison: see `engine.ranges`.

    `about` changes with what a comparison goes by besides; `kept` is encoded.
    """

    mapping = models.ForeignKey(Mapping, on_delete=models.CASCADE, related_name="key_ranges")
    side = models.CharField(max_length=5, choices=SIDE_CHOICES)
    about = models.CharField(max_length=64)
    kept = models.BinaryField()
    compared_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mapping", "side"], name="key_ranges_once_a_side")]

    def __str__(self) -> str:
        return f"{self.mapping} {self.side}"


class Mark(models.Model):
    """A dirty mark: this record may have changed.

    Cleared only if `generation` is what it was when handling began. `not_before` and `attempts` defer
    what has to wait (a reference not linked yet, a system's Retry-After). `as_of` is set if what is known of
    the record comes from a backup of then.
    """

    id = models.BigAutoField(primary_key=True)
    mapping = models.ForeignKey(Mapping, on_delete=models.CASCADE, related_name="marks")
    side = models.CharField(max_length=5, choices=SIDE_CHOICES)
    key = models.TextField()
    generation = models.BigIntegerField(default=1)
    reason = models.CharField(max_length=20, blank=True)
    not_before = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveIntegerField(default=0)
    as_of = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mapping", "side", "key"], name="mark_once")]
        indexes = [models.Index(fields=["mapping", "not_before"], name="mark_due")]

    def __str__(self) -> str:
        return f"{self.side} {self.key} #{self.generation}"


class IntentState(models.TextChoices):
    """Planned: stored, maybe sent. In doubt: sent, effect not known."""

    PLANNED = "planned"
    DOUBT = "in doubt"


class Intent(models.Model):
    """A planned write, stored before it is attempted; removed when its outcome is in the journal.

    `body` is the encoded write with what to store once it is applied (see `engine.intents`).
    """

    id = models.BigAutoField(primary_key=True)
    mapping = models.ForeignKey(Mapping, on_delete=models.CASCADE, related_name="intents")
    link = models.ForeignKey(Link, null=True, on_delete=models.CASCADE, related_name="intents")
    side = models.CharField(max_length=5, choices=SIDE_CHOICES)
    op = models.CharField(max_length=6)
    key = models.TextField(null=True)  # noqa: DJ001
    body = models.BinaryField()
    state = models.CharField(max_length=10, choices=IntentState.choices, default=IntentState.PLANNED)
    token = models.BigIntegerField()
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.op} {self.side} {self.key or 'new'}"

"""What people say to each other about an item: comments, and decisions that need a second person."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from .items import Conflict


class Comment(models.Model):
    """A person's words on an item: plain text, never edited. `mentions` are people named with @."""

    conflict = models.ForeignKey(Conflict, on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="conflict_comments"
    )
    at = models.DateTimeField()
    text = models.TextField()
    token = models.UUIDField(
        unique=True, help_text="Made with the form: the same form sent twice says it once."
    )
    mentions = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="conflict_mentions", blank=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.author} on #{self.conflict_id}"


class Answer(models.TextChoices):
    """What became of a second look; void: the item changed or was settled before anybody answered."""

    APPROVED = "approved"
    DECLINED = "declined"
    VOID = "void"


class SecondLook(models.Model):
    """One person asks another: to look (`picks` empty), to approve a decision on `revision`, or an undo.

    `picks` is {"fields": {name: [kind, typed, hunks]}, "record": [kind, key] or null}, or, to take decisions
    back, {"undo": [their numbers], "over": {number: [left, right], the newer values that are given up}}.
    """

    conflict = models.ForeignKey(Conflict, on_delete=models.CASCADE, related_name="second_looks")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="second_looks_asked"
    )
    asked_at = models.DateTimeField()
    revision = models.PositiveIntegerField()
    picks = models.JSONField(default=dict)
    note = models.TextField(blank=True)
    answer = models.CharField(max_length=8, blank=True, choices=Answer.choices)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="second_looks_answered"
    )
    answered_at = models.DateTimeField(null=True)
    comment = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["conflict"], condition=Q(answer=""), name="one_open_second_look_an_item"
            )
        ]

    def __str__(self) -> str:
        return f"#{self.conflict_id} asked by {self.asked_by}"

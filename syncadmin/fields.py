"""A model field whose JSON content is encrypted at rest with the keys of FIELD_ENCRYPTION_KEYS.

The newest key encrypts, all keys decrypt, so that keys can be rotated. The content is never part of a repr.
"""

from __future__ import annotations

import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


def _box() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.FIELD_ENCRYPTION_KEYS])


class EncryptedJSONField(models.TextField):
    """Any JSON value in Python, Fernet-encrypted text in the database."""

    def get_prep_value(self, value: Any) -> str:
        """Encrypt with the newest key."""
        return _box().encrypt(json.dumps(value).encode()).decode()

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        """Decrypt with whichever key fits. Raises ImproperlyConfigured if none does."""
        if value is None:
            return None
        try:
            return json.loads(_box().decrypt(value.encode()))
        except InvalidToken as error:
            raise ImproperlyConfigured(
                "A stored credential can't be decrypted: "
                "FIELD_ENCRYPTION_KEYS lacks the key it was encrypted with."
            ) from error

"""A PocketBase that tests share: they sign in once, because that takes longer than most of them."""

from functools import cached_property
from typing import Any

import httpx

from syncadmin.embedded import PocketBaseServer


class SharedPocketBase(PocketBaseServer):
    """`client()` is signed in with one token, and `auth` lets a hub in with it."""

    @cached_property
    def token(self) -> str:
        """A session of the superuser."""
        with super().client() as client:
            return client.headers["Authorization"]

    @property
    def auth(self) -> dict[str, Any]:
        """How a hub is told to sign in, where signing in is not what a test is about."""
        return {"type": "header", "headers": {"Authorization": self.token}}

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={"Authorization": self.token})

"""Who has an item open right now. It has no effect on anything else.

Kept beside the queue for a short while, where it costs no writes on the hub's database. Where the queue
server cannot be reached, nobody is seen.
"""

from __future__ import annotations

from functools import cache

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

SECONDS = 25  # two and a half beats of an open card
PATIENCE = 0.5


@cache
def _server() -> Redis:
    """One client a process: its connections are kept."""
    return Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=PATIENCE,
        socket_connect_timeout=PATIENCE,
        retry=Retry(NoBackoff(), 0),
    )


def beat(conflict_id: int, user_id: int, now: float) -> list[int]:
    """Say that a person has the item open at `now` (seconds); answers the ids of the others who have."""
    key = f"syncadmin:looking:{conflict_id}"
    try:
        pipe = _server().pipeline()
        pipe.zadd(key, {str(user_id): now + SECONDS})
        pipe.zremrangebyscore(key, "-inf", now)
        pipe.expire(key, SECONDS)
        pipe.zrange(key, 0, 20)
        seen = pipe.execute()[-1]
    except (RedisError, OSError):
        return []
    return sorted(number for member in seen if (number := int(member)) != user_id)

"""Making and filling the two sample systems: all of it, or all of it again.

The systems count as seeded once the marker is there. A start that finds them without it (killed in the
middle, or the first one) makes both again from nothing, so that nothing is ever there twice.
"""

from __future__ import annotations

from threading import Thread

from syncadmin.demo import erp
from syncadmin.demo.data import Data
from syncadmin.demo.place import Place
from syncadmin.demo.shop import HUB_ACCOUNT, Shop
from syncadmin.embedded import PocketBaseServer, PostgresServer

SEEDED = "seeded"


def seed(place: Place, shop_server: PocketBaseServer, erp_server: PostgresServer, data: Data) -> None:
    """Fill both running, empty systems, and leave the marker."""
    failures: list[BaseException] = []

    def fill_shop() -> None:
        try:
            with Shop(shop_server.url, shop_server.email, shop_server.password) as shop:
                shop.make_collections()
                shop.make_account(HUB_ACCOUNT, place.password("shop_syncadmin"))
                shop.load(data)
        except BaseException as error:  # handed to the caller below, from the thread it has no way to
            failures.append(error)

    beside = Thread(target=fill_shop)
    beside.start()
    try:
        url = erp_server.create_database(erp.DATABASE)
        erp.make_schema(url, place.erp_passwords())
        erp.load(url, data)
    finally:
        beside.join()
    if failures:
        raise failures[0]
    place.reach(SEEDED)

"""Searching for many long values at once, in a system that takes filters of a certain length only."""

from collections.abc import Callable

from connectors.rest import Resource, RestConnector, System
from syncadmin.embedded import PocketBaseServer


def test_a_search_for_many_long_values_is_split_into_filters_that_the_system_takes(
    pocketbase_server: PocketBaseServer, unique_name: Callable[[str], str]
):
    name = unique_name("people")
    pocketbase_server.create_collection(name, [{"name": "mail", "type": "email"}])
    config = System.model_validate(
        {
            "preset": "pocketbase",
            "base_url": pocketbase_server.url,
            "auth": {"username": pocketbase_server.email, "password": pocketbase_server.password},
        }
    )
    resource = Resource.model_validate({"preset": "pocketbase", "collection": name})
    addresses = [f"somebody.with.a.long.name.{number}@some.longer.example.com" for number in range(300)]
    with pocketbase_server.client() as client:
        for address in addresses[::50]:
            client.post(f"/api/collections/{name}/records", json={"mail": address}).raise_for_status()
    connector = RestConnector(config, {"people": resource}, system="shop")
    found = connector.find("people", "mail", addresses, fields=["mail"])
    connector.close()
    assert {record.values["mail"] for record in found} == set(addresses[::50])

"""The demo's hub: its mapping file applied once, its accounts, and where the sample systems are now.

The file is applied at the first start only: what a person changes afterwards in the page stays. Addresses
are told at every start, because a port may have been taken meanwhile.
"""

from __future__ import annotations

import os
from pathlib import Path

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import transaction

from syncadmin import tracking
from syncadmin.config import apply, secrets
from syncadmin.demo.place import Place
from syncadmin.models import Resource, System

MAPPING_FILE = Path(__file__).with_name("demo.yaml")
CONFIGURED = "configured"
ACCOUNTS = {"admin": None, "reviewer": "Reviewer", "auditor": "Auditor"}


def configure(place: Place) -> None:
    """Apply the mapping file and make the accounts, unless a start has done so; tell the addresses."""
    if not place.reached(CONFIGURED):
        known = {name: value for values in place.hub_secrets().values() for name, value in values.items()}
        loaded = apply.read(MAPPING_FILE.read_text(), MAPPING_FILE.name, {**os.environ, **known})
        with transaction.atomic():
            apply.apply(loaded, by="demo")
            make_accounts(place)
        place.reach(CONFIGURED)
    tell_addresses(place)


def track() -> None:
    """Have the ERP log its changes, if it does not and the hub is to read them. Raises ConnectorError."""
    for resource in Resource.objects.select_related("system").filter(config__changes="tracking"):
        if not tracking.look(resource).installed:
            tracking.install(resource)


def make_accounts(place: Place) -> None:
    """One that may do all, and one for each of the roles that staff have."""
    users = get_user_model().objects
    for name, role in ACCOUNTS.items():
        if users.filter(username=name).exists():
            continue
        if role is None:
            users.create_superuser(name, "", place.password(name))
            continue
        user = users.create_user(name, "", place.password(name), is_staff=True)
        user.groups.add(*Group.objects.filter(name=role))


def tell_addresses(place: Place) -> None:
    """Where the sample systems are this time."""
    record_url = f"{place.staff().shop_url}/_/#/collections?collection={{resource}}&recordId={{key}}"
    for name, values in place.hub_secrets().items():
        system = System.objects.filter(name=name).first()
        if system is None:  # a person has removed it
            continue
        changed = [secrets.put(system, secret, value, by="demo") for secret, value in values.items()]
        if name == "shop" and system.record_url != record_url:
            system.record_url = record_url
            changed.append(True)
        if any(changed):
            system._change_reason = "the demo's addresses"
            system.save()

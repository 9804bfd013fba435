"""Each scene makes the edit that it is named after."""

import psycopg
import pytest

from syncadmin.demo import scenes
from syncadmin.demo.agreement import read_erp, read_shop
from syncadmin.demo.data import CATEGORIES
from syncadmin.demo.office import Office
from syncadmin.demo.place import Addresses
from syncadmin.demo.scenes import EVERYDAY, ODD, TROUBLE

pytestmark = [pytest.mark.slow, pytest.mark.runs_once]

SIDES = {"erp": ("erp",), "shop": ("shop",), "both": ("erp", "shop")}
BOTH = {scenes.erp_deletes_whom_the_shop_changes}


def changed(before: dict, after: dict) -> dict[str, set[str]]:
    """By mapping and key, the fields that changed; of a record that came or went, all."""
    found = {}
    for mapping in before:
        for key in before[mapping].keys() | after[mapping].keys():
            old, new = before[mapping].get(key, {}), after[mapping].get(key, {})
            fields = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
            if fields:
                found[mapping, key] = fields - {"updated", "updated_at", "updated_by"}
    return found


@pytest.mark.parametrize("scene", [*EVERYDAY, *TROUBLE, *ODD], ids=lambda scene: scene.__name__)
def test_a_scene_edits_one_record_on_the_sides_it_names(scene, office: Office, systems: Addresses):
    before = {"erp": read_erp(systems), "shop": read_shop(systems)}
    said = scene(office)
    after = {"erp": read_erp(systems), "shop": read_shop(systems)}
    edited = {side: changed(before[side], after[side]) for side in before}
    wanted = ("erp", "shop") if scene in BOTH else SIDES[scene.__name__.split("_")[0]]
    assert {side for side, records in edited.items() if records} == set(wanted)
    assert all(len(records) == 1 and all(records.values()) for records in edited.values() if records)
    assert said.split(":")[0].lower() in ("both", *wanted)


def test_the_terms_that_the_shop_grants_are_refused_by_the_erp(office: Office, systems: Addresses):
    before = read_shop(systems)
    scenes.shop_grants_terms_the_erp_refuses(office)
    after = read_shop(systems)
    ((_, key),) = changed(before, after)
    days = after["customers"][key]["payment_days"]
    with pytest.raises(psycopg.errors.CheckViolation):
        office.erp.execute("UPDATE customers SET payment_days = %s", [days])


def test_the_category_that_the_erp_uses_is_unknown_to_the_shop(office: Office, systems: Addresses):
    before = read_erp(systems)
    scenes.erp_uses_a_category_the_shop_refuses(office)
    after = read_erp(systems)
    ((_, key),) = changed(before, after)
    assert set(after["products"][key]["categories"].split(",")) - set(CATEGORIES)


def test_a_second_registration_has_the_email_of_a_customer_that_both_know(office: Office, systems: Addresses):
    before = read_shop(systems)
    scenes.shop_registers_someone_known(office)
    after = read_shop(systems)
    ((_, key),) = changed(before, after)
    email = after["customers"][key]["email"]
    assert [row["email"] for row in before["customers"].values()].count(email) == 1
    assert email in [row["email"].lower() for row in read_erp(systems)["customers"].values()]


def test_a_day_has_trouble_of_every_kind_and_stops_making_it_when_the_inbox_is_full(office: Office):
    from syncadmin.demo.simulator import TROUBLE_EVERY, Workday

    steps = TROUBLE_EVERY * len(TROUBLE)
    day = Workday(office.chance)
    seen = [day.next(lambda: False) for _ in range(steps)]
    assert {scene for scene in seen if scene in TROUBLE} == set(TROUBLE)
    calm = [day.next(lambda: True) for _ in range(steps)]
    assert not {scene for scene in calm if scene in TROUBLE}

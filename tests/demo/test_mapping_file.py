"""The demo's mapping file is valid, shows what SyncAdmin can do, and is applied once."""

import pytest
from django.contrib.auth.models import User

from syncadmin.config import secrets
from syncadmin.config.load import Known, Loaded, load
from syncadmin.core.policy import Drift, Merge
from syncadmin.core.side import Side
from syncadmin.demo.agreement import FIELDS
from syncadmin.demo.hub import MAPPING_FILE, configure
from syncadmin.demo.place import Place
from syncadmin.models import Mapping, System


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    environment = {
        "ERP_URL": "postgresql://syncadmin:secret@127.0.0.1/erp",
        "SHOP_URL": "http://127.0.0.1:8090",
        "SHOP_USER": "syncadmin@example.com",
        "SHOP_PASSWORD": "secret",
    }
    return load(MAPPING_FILE.read_text(), Known(environment=environment), MAPPING_FILE.name)


def test_every_kind_of_owner_is_in_use(loaded: Loaded):
    mappings = loaded.mappings.values()
    fields = [field for mapping in mappings for field in mapping.fields.values()]
    assert any(mapping.owner for mapping in mappings)
    assert any(mapping.rows for mapping in mappings)
    assert {field.owner for field in fields} == {Side.LEFT, Side.RIGHT, None}
    assert {field.drift for field in fields if field.owner} >= {Drift.ENFORCE, Drift.REVIEW}


def test_nearly_every_merge_strategy_is_in_use(loaded: Loaded):
    shared = [
        f for m in loaded.mappings.values() if m.owner is None for f in m.fields.values() if not f.owner
    ]
    assert {field.merge for field in shared} == set(Merge) - {Merge.PREFER_RIGHT}


def test_the_check_of_agreement_knows_every_mapped_field(loaded: Loaded):
    for name, mapping in loaded.mappings.items():
        checked = {(field, left, right) for field, left, right, _ in FIELDS[name]}
        mapped = {
            (field, spec.left, spec.right) for field, spec in mapping.fields.items() if not spec.mapping
        }
        assert checked == mapped


@pytest.mark.django_db
def test_the_file_is_applied_once_and_what_a_person_changed_stays(tmp_path):
    with Place(tmp_path) as place:
        place.choose_ports({})
        configure(place)
        Mapping.objects.filter(name="customers").update(schedule=60)
        configure(place)
    assert Mapping.objects.get(name="customers").schedule == 60
    assert Mapping.objects.count() == 3


@pytest.mark.django_db
def test_a_start_on_other_ports_tells_the_hub(tmp_path):
    with Place(tmp_path) as place:
        place.choose_ports({"shop": 39090})
        configure(place)
        place.choose_ports({"shop": 39190})
        configure(place)
    shop = System.objects.get(name="shop")
    assert secrets.values_of(shop)["SHOP_URL"] == "http://127.0.0.1:39190"
    assert shop.record_url.startswith("http://127.0.0.1:39190/_/")


@pytest.mark.django_db
def test_there_is_an_account_for_each_role(tmp_path):
    with Place(tmp_path) as place:
        place.choose_ports({})
        configure(place)
        assert User.objects.get(username="admin").check_password(place.password("admin"))
    assert User.objects.get(username="admin").is_superuser
    assert User.objects.get(username="reviewer").has_perm("conflicts.resolve_conflict")
    auditor = User.objects.get(username="auditor")
    assert auditor.has_perm("syncadmin.view_mapping")
    assert not auditor.has_perm("conflicts.resolve_conflict")

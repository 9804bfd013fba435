"""A file that is wrong is refused as a whole; each problem has its line, its place and what is allowed."""

# ruff: noqa: E501  messages are given whole

from __future__ import annotations

from collections.abc import Callable

import pytest

from syncadmin.models import Mapping, System

from .conftest import TWO_SYSTEMS, with_fields

Refused = Callable[..., list[str]]


def test_a_good_file_has_no_problems(refused: Refused) -> None:
    assert refused(TWO_SYSTEMS) == []


def test_an_unknown_key_names_the_line_the_nearest_key_and_all_that_are_allowed(refused: Refused) -> None:
    (line,) = refused(TWO_SYSTEMS.replace("match: [name]", "match: [name]\n    schedul: 30s"))
    assert line.startswith(
        'sync.yaml:21: mappings.companies.schedul: unknown key "schedul"; did you mean "schedule"? Allowed: label, '
    )


def test_unknown_keys_of_a_connector_are_told_with_its_own_keys(refused: Refused) -> None:
    (line,) = refused(TWO_SYSTEMS.replace("connector: sql\n", "connector: sql\n    lock_timout: 3\n"))
    assert line == (
        'sync.yaml:5: systems.crm.lock_timout: unknown key "lock_timout"; did you mean "lock_timeout"? Allowed: '
        "connector, label, record_url, resources, url, product, host, port, database, username, password, schema, "
        "connect_timeout, lock_timeout, statement_timeout"
    )


def test_a_key_inside_a_part_with_a_type_is_told_with_the_keys_of_that_type(refused: Refused) -> None:
    (line,) = refused(TWO_SYSTEMS.replace("username: sync", "usernme: sync"))
    assert line == (
        'sync.yaml:12: systems.shop.auth.usernme: unknown key "usernme"; did you mean "username"? '
        "Allowed: type, username, password"
    )


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (
            "x: {left: a, right: b, merge: newst}",
            'merge: "newst" is not allowed; did you mean "newest"? Allowed: review, newest, prefer left, '
            "prefer right, counter, set, text, min, max, non_empty, rule",
        ),
        (
            "x: {left: a}",
            "right: is missing: The right system's own name of the field (dots for nested ones).",
        ),
        ("x: {left: a, right: b, merge: set}", 'merge: "set" is for type set; the type is text'),
        (
            "x: {left: a, right: b, owner: left, merge: newest}",
            "merge: counts only for a shared field; this one is owned by left. Leave one of them out",
        ),
        (
            "x: {left: a, right: b, drift: ignore}",
            "drift: counts only for a field with an `owner`; this one is shared",
        ),
        ("x: {left: a, right: b, scale: 2}", "scale: counts only for type decimal; the type is text"),
        (
            "x: {left: a, right: b, values: {A: active}}",
            "values: counts only for type choice; the type is text",
        ),
        (
            "x: {left: a, right: b, type: choice, values: {A: active, B: active}}",
            'values.B: "active" stands for both "A" and "B". It could not be translated back; '
            "give the field `owner: left`, or the values one each",
        ),
        ("x: {left: a, right: b, merge: rule}", "rule: is missing: `merge: rule` needs a CEL expression"),
        ("x: {left: a, right: b, rule: left}", "rule: counts only with `merge: rule`"),
        (
            "x: {left: a, right: b, type: reference}",
            "mapping: is missing: a reference needs the mapping that syncs what it refers to",
        ),
        (
            "x: {left: a, right: b, type: reference, mapping: compnies}",
            'mapping: unknown mapping "compnies"; did you mean "companies"? Allowed: companies, customers',
        ),
        (
            "x: {left: a, right: b, type: datetime, zones: {left: Europe/Berln}}",
            'zones.left: "Europe/Berln" is not an IANA time zone such as Europe/Berlin; '
            'did you mean "Europe/Berlin"?',
        ),
        (
            "x: {left: email, right: b}",
            'left: "email" is in the field mapping "email" too: more than one would write it. '
            "Leave one out, or give them all `owner: left`",
        ),
        (
            "x: {left: a, right: b, normalize: [lower, upper]}",
            "normalize: has both lower and upper; leave one of them out",
        ),
    ],
)
def test_a_field_mapping_that_makes_no_sense_says_what_would(
    refused: Refused, field: str, message: str
) -> None:
    assert refused(with_fields(field)) == [f"sync.yaml:29: mappings.customers.fields.x.{message}"]


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (
            "schedule: 30",
            "schedule: must be a duration with its unit: ms, s, m, h or d, such as 30s or 1d",
        ),
        ("schedule: 0s", "schedule: must be longer than nothing"),
        (
            "guards: {max_deletes: 500%}",
            "guards.max_deletes: must be a percentage from 0% to 100%, such as 5%",
        ),
        ("title: nme", 'title: unknown field mapping "nme". Allowed: email'),
        ("enabled: maybe", "enabled: must be true or false"),
        (
            "drift: review",
            "drift: counts only with an `owner` of the table or of `rows`; the table has none",
        ),
        (
            'filter: {left: "record.emial == 1"}',
            'filter.left: uses the unknown field mapping "emial"; did you mean "email"? Allowed: email',
        ),
        (
            'rows: [{when: "record.email == 1", owner: left}]',
            "rows[0].when: is not a rule that works: unknown name record; known are left_record, right_record",
        ),
    ],
)
def test_a_mapping_that_makes_no_sense_says_what_would(refused: Refused, key: str, message: str) -> None:
    assert refused(with_fields(mapping=key)) == [f"sync.yaml:29: mappings.customers.{message}"]


def test_an_expression_that_does_not_compile_says_where(refused: Refused) -> None:
    (line,) = refused(with_fields('x: {left: a, right: b, merge: rule, rule: "left >"}'))
    assert line.startswith(
        "sync.yaml:29: mappings.customers.fields.x.rule: is not a rule that works: Syntax error"
    )
    assert "(line 1, column" in line


def test_a_mapping_of_unknown_systems_and_resources_says_which_there_are(refused: Refused) -> None:
    text = TWO_SYSTEMS.replace("{system: crm, resource: contacts}", "{system: crn, resource: contacts}")
    text = text.replace("{system: shop, resource: customers}", "{system: shop, resource: customer}")
    assert refused(text) == [
        'sync.yaml:24: mappings.customers.left.system: unknown system "crn"; did you mean "crm"? Allowed: crm, shop',
        "sync.yaml:25: mappings.customers.right.resource: unknown resource of shop "
        '"customer"; did you mean "customers"? Allowed: customers, organisations',
    ]


def test_a_match_key_must_be_a_field_mapping(refused: Refused) -> None:
    assert refused(TWO_SYSTEMS.replace("match: [email]", "match: [mail]")) == [
        'sync.yaml:26: mappings.customers.match[0]: unknown field mapping "mail"; did you mean "email"? Allowed: email'
    ]


def test_without_match_keys_every_record_would_be_created_again(refused: Refused) -> None:
    (line,) = refused(TWO_SYSTEMS.replace("    match: [email]\n", ""))
    assert line.startswith("sync.yaml:23: mappings.customers.match: is missing")


def test_a_pair_of_resources_is_mapped_once(refused: Refused) -> None:
    text = TWO_SYSTEMS.replace("resource: contacts}", "resource: companies}").replace(
        "resource: customers}", "resource: organisations}"
    )
    assert refused(text) == [
        'sync.yaml:25: mappings.customers.right: the mapping "companies" pairs the same two resources already'
    ]


def test_references_must_not_go_in_a_circle(refused: Refused) -> None:
    text = with_fields("company: {left: c, right: o, type: reference, mapping: companies}").replace(
        "right: title}",
        "right: title}\n      contact: {left: c, right: o, type: reference, mapping: customers}",
    )
    assert refused(text) == [
        "sync.yaml:30: mappings.customers.fields.company.mapping: references go in a circle: "
        "companies -> customers -> companies; each would wait for the other"
    ]


def test_a_record_may_refer_to_another_of_its_own_kind(refused: Refused) -> None:
    assert refused(with_fields("parent: {left: p, right: p, type: reference, mapping: customers}")) == []


def test_fields_of_a_group_are_decided_alike(refused: Refused) -> None:
    fields = ("zip: {left: z, right: z, group: a}", "city: {left: c, right: c, group: a, owner: left}")
    (line,) = refused(with_fields(*fields))
    assert line == (
        'sync.yaml:30: mappings.customers.fields.city.owner: differs from that of "zip"; group "a" is decided together'
    )


def test_a_secret_that_is_set_nowhere_is_named_with_its_line(refused: Refused) -> None:
    assert refused(TWO_SYSTEMS, {"CRM_URL": "sqlite:////x.db"}) == [
        "sync.yaml:12: systems.shop.auth.password: the environment variable SHOP_PASSWORD is not set, and no secret "
        "of this name is stored. Set it and run the command again: SHOP_PASSWORD=... manage.py apply FILE"
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "place"),
    [
        ("${SHOP_PASSWORD}", "hunter2", 12, "systems.shop.auth.password"),
        ("${CRM_URL}", "postgresql://sync:hunter2@db/crm", 5, "systems.crm.url"),
    ],
)
def test_a_secret_in_clear_text_is_refused_and_not_repeated(
    refused: Refused, old: str, new: str, line: int, place: str
) -> None:
    assert refused(TWO_SYSTEMS.replace(old, new)) == [
        f"sync.yaml:{line}: {place}: holds a secret in clear text. Write it as ${{NAME}}, and set NAME in the "
        "environment of `apply` or on the page of the system"
    ]


def test_a_wrong_secret_is_told_without_its_value(refused: Refused) -> None:
    (line,) = refused(TWO_SYSTEMS, {"CRM_URL": "oracle://sync:hunter2@db/crm", "SHOP_PASSWORD": "x"})
    assert line.startswith("sync.yaml:5: systems.crm.url: has the unknown scheme 'oracle'")
    assert "hunter2" not in line


def test_an_unknown_connector_says_which_are_installed(refused: Refused) -> None:
    (line,) = refused(TWO_SYSTEMS.replace("connector: rest", "connector: rst"))
    assert (
        line
        == 'sync.yaml:10: systems.shop.connector: unknown connector "rst"; did you mean "rest"? Allowed: rest, sql'
    )


def test_a_file_that_is_no_yaml_says_where_it_stops_being_one(refused: Refused) -> None:
    (line,) = refused("version: 1\nsystems: {crm: [}\n")
    assert line.startswith("sync.yaml:2: is not YAML: ")


def test_a_key_that_is_there_twice_is_refused(refused: Refused) -> None:
    (line,) = refused(TWO_SYSTEMS + "  customers: {}\n")
    assert line == 'sync.yaml:29: the key "customers" is there twice'


def test_another_version_or_none_is_refused(refused: Refused) -> None:
    assert refused("systems: {}") == ["sync.yaml:1: version: is missing: Version of the format."]
    assert refused("version: 2") == ["sync.yaml:1: version: must be 1"]


def test_all_problems_are_told_at_once_in_the_order_of_the_file_and_nothing_is_stored(
    refused: Refused,
) -> None:
    text = with_fields("x: {left: a, right: b, merge: newst}").replace("connector: rest", "connector: rst")
    lines = refused(text.replace("match: [email]", "match: [mail]"))
    assert [line.split(": ")[0] for line in lines] == ["sync.yaml:10", "sync.yaml:26", "sync.yaml:29"]
    assert not System.objects.exists()
    assert not Mapping.objects.exists()


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("javascript:alert('{key}')", "must begin with http:// or https:// and a host"),
        ("https://{key}/customers", "must begin with http:// or https:// and a host"),
        ("https://shop.example.com/customers", "must say where the record's key goes: {key}"),
        ("https://shop.example.com/{id}/{key}", 'unknown blank "{id}"'),
    ],
)
def test_a_link_into_a_system_is_a_web_address_with_the_records_key(
    refused: Refused, link: str, words: str
) -> None:
    text = TWO_SYSTEMS.replace("{path: customers}", f'{{path: customers, link: "{link}"}}')
    (line,) = refused(text)
    assert line.startswith("sync.yaml:14: systems.shop.resources.customers.link: ")
    assert words in line

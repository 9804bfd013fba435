"""What lists rest on: facets and counts that follow their items, pages that say what the filter says."""

import itertools
import random
from datetime import timedelta
from threading import Thread

import pytest
from django.db import connections, transaction
from django.db.models import Count, Q
from django.utils import timezone

from conflicts import intake, listing, selectors
from conflicts.census import Census, Tally
from conflicts.impact import impact
from conflicts.models import Conflict, ConflictGroup, ConflictState, Facet
from conflicts.searching import words_of
from conflicts.services import FieldChoice, clock, resolve
from conflicts.services.together import snooze
from conflicts.services.undo import undo
from conflicts.wanted import InboxFilter
from syncadmin.core import plan as core
from syncadmin.core.plan import PickKind
from syncadmin.models import FieldMapping, MappingState
from tests.builders import a_conflict, a_link, a_mapping, a_user, an_ambiguous_match

VALUES = ["+49 30 1234", "", "+49 30 9999", "+49301234", "030 1"]


def report(link, label="Ada", phone=("1", "2"), **more):
    """What the engine would report of a pair that differs in a field or two."""
    names = {"phone": phone, **more}
    fields = tuple(core.FieldConflict(n, v[0], v[1], ("0", "0"), "both changed") for n, v in names.items())
    conflict = core.Conflict(core.ConflictKind.FIELD, "both changed", fields=fields)
    snapshot = {"left": {"credit": "100.00"}, "right": {"credit": "5.00"}}
    return intake.Report(conflict, link.pk, None, "", label, snapshot, keys=(link.left_key, link.right_key))


def counters() -> dict[int, tuple[int, int]]:
    return {g.pk: (g.items, g.facets) for g in ConflictGroup.objects.all() if g.items or g.facets}


def truth() -> dict[int, tuple[int, int]]:
    """What the counters have to be, counted from the items themselves."""
    there = Facet.objects.filter(conflict__state="open", conflict__snoozed_until=None)
    rows = there.order_by().values("group")
    counted = rows.annotate(items=Count("pk", filter=Q(first=True)), facets=Count("pk"))
    return {row["group"]: (row["items"], row["facets"]) for row in counted}


@pytest.fixture
def many(db):
    """Items of all sorts, with ages, values and weights that make every order another one."""
    dice, now = random.Random(7), timezone.now()
    customers, products = a_mapping("customers"), a_mapping("products", value="credit")
    FieldMapping.objects.filter(name="phone").update(weight=4)
    for number in range(40):
        mapping = dice.choice([customers, products])
        opened = now - timedelta(hours=dice.randrange(2000))
        common = {"label": f"Ada {number}", "opened_at": opened, "changed_at": opened}
        common |= {"state": dice.choice(["open", "open", "open", "decided", "closed"])}
        if dice.random() < 0.2:
            an_ambiguous_match(mapping, **common)
            continue
        fields = {
            name: (dice.choice(VALUES), "+49 30 1000", dice.choice(VALUES))[:: dice.choice([1, 2])]
            for name in dice.sample(["phone", "name", "status"], dice.randint(1, 3))
        }
        a_conflict(mapping, fields=fields, **common)
    Conflict.objects.filter(pk__in=Conflict.objects.values("pk")[:9]).update(assignee=a_user(name="rita"))


FILTERS = [
    dict(pair)
    for pair in itertools.product(
        [("order", "impact"), ("order", "oldest"), ("order", "newest")],
        [
            ("state", "open"),
            ("mapping", "products"),
            ("kind", "ambiguous match"),
            ("field", "phone"),
            ("pattern", "left empty"),
            ("pattern", "candidates"),
            ("changed", "both"),
            ("age", ">20d"),
            ("age", "<10d"),
            ("assignee", "rita"),
            ("assignee", "-"),
            ("search", "ada 3"),
            ("search", "49301234"),
            ("state", "all"),
        ],
    )
]


@pytest.mark.parametrize(("head", "far"), [(1, 0), (1, 3), (2, 20), (3, 2000), (2000, 0)])
def test_pages_hold_exactly_what_the_filter_means_in_its_order(many, monkeypatch, head, far):
    monkeypatch.setattr("conflicts.pages.HEAD", head)
    monkeypatch.setattr("conflicts.pages.FAR", far)
    monkeypatch.setattr("conflicts.pages.LEAST", 1)
    for data in [*FILTERS, {"mapping": "products", "field": "phone", "changed": "both", "age": ">20d"}]:
        wanted, walked, after = InboxFilter.read(data), [], 0
        while True:
            shown = selectors.page(wanted, after, 4)
            walked += [item.pk for item in shown.items]
            if shown.next is None:
                break
            after = shown.next
        assert walked == list(wanted.items().values_list("pk", flat=True)), data


def test_counts_are_what_the_lists_hold(many):
    for data in FILTERS:
        wanted = InboxFilter.read(data)
        assert Census().count(wanted) == Tally(wanted.items().count()), data


def test_a_group_opens_to_as_many_items_as_it_says(many):
    for data in FILTERS:
        for group in Census().groups(InboxFilter.read(data)):
            assert group.tally.number == group.wanted.items().count() > 0, (data, group)


def test_groups_count_what_is_open_through_an_items_life(db):
    mapping, user, now = a_mapping(), a_user(name="rita"), timezone.now()
    links = [a_link(mapping) for _ in range(3)]
    reports = [report(link, name=("Ada", "ada")) for link in links]

    assert intake.receive(mapping.pk, reports, now) == 3
    assert counters() == truth()
    assert Census().total == 3
    assert [(g.field, g.pattern, g.tally.number) for g in Census().groups(InboxFilter())] == [
        ("name", "case", 3),
        ("phone", "other", 3),
    ]

    first, second, third = (report.live for report in reports)
    resolve(first.pk, first.revision, {"phone": FieldChoice(PickKind.LEFT)}, None, user)
    assert (Census().total, counters()) == (2, truth())

    again = report(links[1], phone=("1", None), name=("Ada", "ada"))
    again.live = intake.live_by_link([links[1].pk])[links[1].pk]
    intake.receive(mapping.pk, [again], now)
    assert counters() == truth()
    assert Census().count(InboxFilter(field="phone", pattern="right empty")) == Tally(1)

    intake.close({second.pk: "over", third.pk: "over"}, now)
    assert (Census().total, counters()) == (0, truth()) == (0, {})


def test_a_decision_that_is_taken_back_is_counted_again(db):
    mapping, user = a_mapping(), a_user(name="rita")
    conflict = a_conflict(mapping)
    resolve(conflict.pk, conflict.revision, {"phone": FieldChoice(PickKind.LEFT)}, None, user)
    assert Census().total == 0

    undo([decision.pk for decision in conflict.decisions.all()], user)

    assert (Census().total, counters()) == (1, truth())


def test_what_is_put_off_is_not_counted_until_it_wakes(db):
    mapping, now = a_mapping(), timezone.now()
    conflict = a_conflict(mapping)

    snooze(conflict.pk, now + timedelta(hours=1), a_user(name="rita"), now)
    assert (Census().total, counters()) == (0, truth()) == (0, {})
    assert selectors.page(InboxFilter()).items == []

    clock.look(now + timedelta(hours=2))
    assert (Census().total, counters()) == (1, truth())


def test_new_weights_count_from_the_next_pass(db):
    mapping = a_mapping()
    phone = a_conflict(mapping, label="phone")
    name = a_conflict(mapping, label="name", fields={"name": ("a", "b", "c")})
    assert [i.label for i in selectors.page(InboxFilter()).items] == ["phone", "name"]

    FieldMapping.objects.filter(mapping=mapping, name="name").update(weight=8)
    state = MappingState.objects.get(mapping=mapping)
    assert listing.weigh_anew(mapping, state.weighed) == 2
    state.refresh_from_db()
    assert listing.weigh_anew(mapping, state.weighed) == 0

    assert [i.label for i in selectors.page(InboxFilter()).items] == ["name", "phone"]
    assert Census().total == 2
    name.refresh_from_db()
    assert name.impact > phone.impact + 2.9


def test_what_a_record_is_worth_and_who_waits_raise_its_impact():
    now = timezone.now()
    plain = impact(1, None, 0, now)

    assert impact(1, 100, 0, now) > impact(2, None, 0, now) > plain
    assert impact(1, None, 3, now) == plain + 2
    assert impact(1, -50, 0, now) == plain
    assert impact(1, None, 0, now - timedelta(weeks=1)) == pytest.approx(impact(2, None, 0, now))


def test_the_order_of_two_items_never_changes_with_time():
    now = timezone.now()
    heavy, old = impact(4, None, 0, now), impact(1, None, 0, now - timedelta(weeks=3))

    assert old > heavy  # and both stay what they are: no clock goes in


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("lovelace", True),
        ("LOVE", True),
        ("ada love", True),
        ("muller", True),
        ("Müller", True),
        ("49301234", True),
        ("+49 30", True),
        ("+49 3", False),
        ("love babbage", False),
        ("acme.example", True),
        ("' & !'", False),
        ("%", False),
        ("\\", False),
        ("ace", False),
    ],
)
def test_words_are_found_by_how_they_begin(db, typed, found):
    fields = {"phone": ("+49 (30) 1234", "info@acme.example"), "name": ("Müller", "x" * 10_000)}
    a_conflict(a_mapping(), label="Ada Lovelace", fields=fields)

    assert bool(selectors.page(InboxFilter(search=typed)).items) is found


def test_the_words_of_an_item_are_bounded():
    assert len(words_of([" ".join(map(str, range(10_000)))] * 50)) < 64 * 41


def test_following_keeps_to_the_order_and_starts_again_at_the_end(db):
    mapping = a_mapping()
    FieldMapping.objects.filter(name="name").update(weight=8)
    low, high = a_conflict(mapping), a_conflict(mapping, fields={"name": ("a", "b", "c")})

    assert selectors.following(InboxFilter(), high.pk) == low.pk
    assert selectors.following(InboxFilter(), low.pk) == high.pk
    assert selectors.following(InboxFilter(order="oldest"), low.pk) == high.pk
    assert selectors.following(InboxFilter(), low.pk, [high.pk]) is None


@pytest.mark.django_db(transaction=True)
def test_counts_stay_right_while_many_open_and_close_at_once():
    now = timezone.now()
    mappings = [a_mapping(f"m{n}") for n in range(2)]
    links = {mapping.pk: [a_link(mapping) for _ in range(30)] for mapping in mappings}
    errors = []

    def work(mapping_id, mine):
        try:
            for link in mine:
                with transaction.atomic():
                    MappingState.objects.select_for_update().get(mapping_id=mapping_id)
                    one = report(link, name=("Ada", "ADA"))
                    intake.receive(mapping_id, [one], now)
                if link.pk % 3 == 0:
                    intake.close({one.live.pk: "over"}, now)  # without the mapping's lock
                elif link.pk % 3 == 1:
                    Conflict.objects.filter(pk=one.live.pk).update(state=ConflictState.DECIDED)
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [
        Thread(target=work, args=(pk, half)) for pk, all_ in links.items() for half in (all_[:15], all_[15:])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert counters() == truth()
    assert Census().total == Conflict.objects.filter(state="open").count() > 0

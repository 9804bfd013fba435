"""Names in plain letters, as short names are made of them."""

import pytest

from syncadmin.core.spelling import spelled


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Straße", "Strasse"),
        ("geändert_am", "geaendert_am"),
        ("geändert_am".replace("ä", "a\u0308"), "geaendert_am"),  # the same in two characters
        ("Prénom", "Prenom"),
        ("Łódź", "Lodz"),
        ("名前", "名前"),
        ("", ""),
    ],
)
def test_accents_and_umlauts_are_written_in_plain_letters(name, plain):
    assert spelled(name) == plain

"""How alike two fields' names are: spelling, order of the words, and the words that business systems use.

The words are English and German ones for the same thing; whoever knows more of them adds them here.
"""

from __future__ import annotations

import re
from functools import lru_cache

from rapidfuzz import fuzz

# one line a thing; the first word stands for all of them
_SAME = """
email mail emailaddress mailadresse emailadresse
phone telephone tel telefon fon telefonnummer phonenumber rufnummer
mobile cell handy mobil mobiltelefon
name bezeichnung title titel caption
firstname vorname givenname forename
lastname nachname surname familyname familienname
company firma organisation organization unternehmen account
street strasse str addressline
zip plz postcode postalcode postleitzahl zipcode
city town ort stadt wohnort
country land staat
region state bundesland province
address adresse anschrift
birthday born birthdate dateofbirth geburtstag geburtsdatum geboren
number nr no nummer num
customer kunde client debitor
supplier lieferant vendor kreditor
contact kontakt ansprechpartner person
article artikel product produkt item sku ware
description beschreibung text
note notes notiz bemerkung comment remark kommentar memo
price preis cost
amount betrag sum summe total
quantity menge qty anzahl count
stock bestand lager inventory
credit kredit kreditlimit creditlimit
limit grenze
discount rabatt
currency waehrung
tax steuer mwst vat ust
vatid ustid ustidnr taxid steuernummer
order auftrag bestellung
invoice rechnung
status zustand stage
active aktiv enabled
blocked gesperrt locked disabled
tags labels schlagworte schlagwoerter keywords tag label
category kategorie group gruppe
kind art type typ
language sprache locale
website url homepage webseite web www
fax telefax
salutation anrede
gender geschlecht
created angelegt erstellt createdat erfasst anlage
modified updated geaendert changed updatedat aktualisiert modifiedat lastmodified aenderung
date datum day tag
time zeit uhrzeit
from von since seit
until bis to
weight gewicht
color colour farbe
size groesse
iban bankaccount konto
bank kreditinstitut
contract vertrag
employee mitarbeiter staff
department abteilung
owner besitzer inhaber betreuer
visits besuche
seen gesehen
"""
WORDS = {word: line.split()[0] for line in _SAME.strip().splitlines() for word in reversed(line.split())}
BOOKKEEPING = {"created", "modified"}
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_OTHERS = re.compile(r"[^a-z0-9]+")
_NOISE = {"the", "of", "der", "die", "das", "fld", "field", "col", "at", "on", "am", "um"}


def _compound(part: str) -> list[str]:
    """A German compound of two known words as those: `kundennr` -> `kunde`, `nr`; else the word itself."""
    for at in range(3, len(part) - 1):
        first, second = part[:at], part[at:]
        if second in WORDS and (known := next((w for w in (first, first[:-1]) if w in WORDS), "")):
            return [known, second]
    return [part]


@lru_cache(maxsize=4096)
def words(name: str) -> tuple[str, ...]:
    """The words of a name, each as the one that stands for it: `TelefonNr` -> (`phone`, `number`)."""
    spelled = _HUMP.sub(" ", name[:200]).lower().translate(_UMLAUTS)
    parts = [part for part in _OTHERS.split(spelled) if part and part not in _NOISE]
    joined = "".join(parts)
    if joined in WORDS:
        return (WORDS[joined],)
    found: list[str] = []
    for part in parts:
        if found and (both := found[-1] + part) in WORDS:
            found[-1] = WORDS[both]  # first_name, e_mail
        else:
            found += [part] if _known(part) in WORDS else _compound(part)
    return tuple(_known(part) for part in found)


def _known(part: str) -> str:
    """The word that stands for this one, also for its plural; the word itself if it is not known."""
    if part not in WORDS and len(part) > 4 and part[-1] in "sn":
        return WORDS.get(part[:-1], part)
    return WORDS.get(part, part)


def similarity(one: str, other: str) -> float:
    """How alike two names are, 0 to 1."""
    mine, theirs = words(one), words(other)
    if not mine or not theirs:
        return 0.0
    if set(mine) == set(theirs):
        return 1.0
    both = len(set(mine) & set(theirs))
    in_words = both / max(len(set(mine)), len(set(theirs)))
    spelled = fuzz.token_sort_ratio(" ".join(mine), " ".join(theirs)) / 100
    # words of a few letters are spelled alike by chance
    return max(in_words * 0.9, spelled if spelled >= 0.7 else spelled * 0.4)


def bookkeeping(name: str) -> bool:
    """Whether a field's name says that the system keeps it for itself: when a record was made or changed."""
    return bool(BOOKKEEPING & set(words(name)))

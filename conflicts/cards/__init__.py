"""What a card shows: an item of the inbox turned into plain data for its template.

`card` puts it together; each module beside it is one concern. Reading is done by selectors; a card takes a
bounded number of queries, however large the record.
"""

from .build import Card, card
from .fields import Entered
from .outcomes import Outcome, decision_words, outcome
from .places import about_side, record_url, title

__all__ = [
    "Card",
    "Entered",
    "Outcome",
    "about_side",
    "card",
    "decision_words",
    "outcome",
    "record_url",
    "title",
]

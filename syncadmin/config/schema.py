"""The configuration file, version 1, as typed models: what may be written, and what it means if it is not.

Only the shape is here; what must fit together is in `checks`. The keys of a system and of a resource that
belong to its connector are checked by the connector's own models.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from django.utils.translation import gettext

# the one that works without settings, as the schema must
from django.utils.translation.trans_real import gettext_noop as _
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from syncadmin.core.assess import Cost, Who
from syncadmin.core.exposure import Unaccepted
from syncadmin.core.habits import Changed
from syncadmin.core.patterns import OF_RECORDS, Pattern
from syncadmin.core.policy import Create, Deletes, Drift, EditVsDelete, FirstContact, LeftScope, Merge
from syncadmin.core.rehearsed import Rehearse
from syncadmin.core.side import Side
from syncadmin.core.values import Kind, Normalize

from .units import Duration, Share

NAME = r"^[A-Za-z0-9_][A-Za-z0-9_-]*$"
FIELD_NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
Scalar = str | bool | int | float
PATTERNS = tuple(p.value for p in Pattern if p not in OF_RECORDS and p is not Pattern.SAME)


def _named(pattern: str, words: str) -> Any:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value) or len(value) > 50:
            text = gettext("must be a short name: %(what)s, at most 50 characters")
            raise ValueError(text % {"what": gettext(words)})
        return value

    return AfterValidator(check)


def _as_text(value: Any) -> Any:
    """A key that YAML read as a number or a truth value is the text that it looks like."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


Name = Annotated[
    str,
    BeforeValidator(_as_text),
    _named(NAME, _("letters, digits, - and _")),
    Field(json_schema_extra={"pattern": NAME}),
]
FieldName = Annotated[
    str,
    BeforeValidator(_as_text),
    _named(FIELD_NAME, _("letters, digits and _, not beginning with a digit")),
    Field(json_schema_extra={"pattern": FIELD_NAME}),
]
Text = Annotated[str, Field(max_length=100)]
Source = Annotated[str, Field(min_length=1, max_length=200)]


class Strict(BaseModel):
    """Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ResourceName(Strict):
    """A resource of a system."""

    system: str = Field(description=_("Name of a system of this file, or of one that is configured already."))
    resource: str = Field(description=_("Name of one of the system's resources."))


class SideTexts(Strict):
    """A text for the left side, the right side, or both."""

    left: str | None = Field(None, description=_("For the left side."))
    right: str | None = Field(None, description=_("For the right side."))


class RowRuleSpec(Strict):
    """Rows that one side owns, whole."""

    when: str = Field(
        min_length=1,
        description=_("CEL over `left_record` and `right_record`, e.g. `left_record.country == 'DE'`."),
    )
    owner: Side = Field(description=_("The side whose values are the truth in these rows."))


class GuardsSpec(Strict):
    """Limits that stop a pass and ask a person. Shares are of the records that the mapping knows."""

    max_deletes: Share = Field(0.05, description=_("Stop if more than this share would be deleted."))
    max_changes: Share = Field(0.40, description=_("Stop if more than this share would be changed."))
    max_blanks: Share = Field(0.10, description=_("Stop if more than this share would have a value emptied."))
    max_shrinks: Share = Field(
        0.10,
        description=_(
            "Stop if more than this share would get, in any one field, a value that says less: "
            "cut off, halved, masked, rounded, with members missing."
        ),
    )
    max_same: Share = Field(
        0.20,
        description=_(
            "Stop if more than this share would get, in any one field, the same value in place of another."
        ),
    )
    floor: int = Field(10, ge=0, description=_("Fewer changes than this never stop a pass."))


class EscalateSpec(Strict):
    """Who is given a conflict that nobody has decided in time: a person, or one of a group."""

    after: Duration = Field(None, description=_("Time after the due time, such as `2h`."))
    person: Annotated[str, Field(max_length=150)] = Field("", description=_("User name of who is given it."))
    group: Annotated[str, Field(max_length=150)] = Field(
        "",
        description=_("Group whose member with the fewest open conflicts is given it; all of it are told."),
    )


class LearnedSpec(Strict):
    """A rule learned from decisions: conflicts on the field that are like this take one side."""

    differs: Literal[*PATTERNS] = Field(description="How the two values differ.")  # type: ignore[valid-type]
    changed: Changed = Field(
        Changed.BOTH,
        description="Which side differs from what was last agreed; `first contact`: nothing was.",
    )
    take: Side = Field(description="The side whose value both get.")


class Answers(Strict):
    """What people say of what is synced; what is left out was not answered."""

    edits: Who | None = Field(None, description=_("The side or sides whose people change it."))
    needs: Who | None = Field(None, description=_("The side or sides whose people need it."))
    cost: Cost | None = Field(
        None,
        description=_(
            "What one lost edit costs: `nothing`; `little` (somebody types it again); `serious` (money, or a "
            "customer notices); `severe` (law, safety or trust)."
        ),
    )

    def answers(self) -> dict[str, Any]:
        """What was answered, as plain data."""
        return self.model_dump(mode="json", exclude_unset=False, exclude_none=True, exclude_defaults=True)


class FieldAnswers(Answers):
    """What people say of one field; where nothing is said, what they say of the table counts."""

    both: Merge | None = Field(
        None, description=_("What is right when both sides change it, as a merge strategy.")
    )


class TableAnswers(Answers):
    """What people say of all records and fields of a mapping: the assessment."""

    teams: SideTexts = Field(SideTexts(), description=_("Names of the two teams, for the sheet they sign."))
    rows: list[RowRuleSpec] = Field(
        default=[], description=_("Records of which their content tells the side that edits them.")
    )
    every_row: bool = Field(False, description=_("`rows` cover every record."))


class FieldSpec(Strict):
    """A left field paired with a right field: type, conversion, owner, merge strategy."""

    left: Source = Field(description=_("The left system's own name of the field (dots for nested ones)."))
    right: Source = Field(description=_("The right system's own name of the field (dots for nested ones)."))
    type: Kind = Field(Kind.TEXT, description=_("The canonical type in which both sides are compared."))
    scale: int = Field(2, ge=0, le=18, description=_("For `decimal`: digits after the point."))
    normalize: list[Normalize] = Field(
        default=[], description=_("For `text`, `choice` and `set`: what is evened out before comparing.")
    )
    values: Annotated[dict[Annotated[str, BeforeValidator(_as_text)], Scalar], Field()] = Field(
        default={}, description=_("For `choice`: the left system's value, and the right's for it.")
    )
    separators: SideTexts = Field(
        SideTexts(), description=_("For `set`: the separator, on a side that keeps the set as text.")
    )
    zones: SideTexts = Field(
        SideTexts(),
        description=_("For `datetime`: the IANA time zone of a side whose times come without one."),
    )
    mapping: str | None = Field(
        None, description=_("For `reference`: the mapping that syncs the referenced resource.")
    )
    owner: Side | None = Field(
        None, description=_("The side whose value is the truth. Without it the field is shared.")
    )
    drift: Drift = Field(
        Drift.ENFORCE,
        description=_("For a field with an owner: what happens when the other side changes it."),
    )
    merge: Merge = Field(
        Merge.REVIEW,
        description=_("For a shared field: what happens when both sides changed it to different values."),
    )
    rule: str = Field(
        "",
        description=_("For `merge: rule`: CEL over `base`, `left`, `right`, their times and both records."),
    )
    group: Annotated[str, Field(max_length=50)] = Field(
        "", description=_("Fields of one group are decided together (street, zip and city).")
    )
    weight: float = Field(
        1.0,
        ge=0.01,
        le=1000,
        description=_("How much a conflict on this field matters: the inbox shows what matters most first."),
    )
    first_contact: FirstContact | None = Field(
        None,
        description=_("Who wins where both sides have data already; the mapping's own policy if not given."),
    )
    two_people: bool = Field(
        False, description=_("A decision on this field takes two people: one decides, another approves.")
    )
    learned: list[LearnedSpec] = Field(
        default=[], description="Rules learned from decisions, approved in the inbox or written here."
    )
    assessment: FieldAnswers = Field(
        FieldAnswers(), description=_("Who edits and needs this field, and what a lost edit would cost.")
    )


class MappingSpec(Strict):
    """The pairing of a left resource with a right resource, with its field mappings and policy."""

    label: Text = Field("", description=_("Name that people see; the short name if not given."))
    enabled: bool = Field(True, description=_("`false`: no passes run."))
    left: ResourceName = Field(description=_("The left resource: `{system: ..., resource: ...}`."))
    right: ResourceName = Field(description=_("The right resource: `{system: ..., resource: ...}`."))
    match: list[str] = Field(
        min_length=1,
        description=_("Field mappings whose values, together, tell that two records are the same."),
    )
    title: Text = Field(
        "", description=_("Field mapping whose value names a record to people; a match key if not given.")
    )
    value: Text = Field(
        "",
        description=_("Number field mapping that says what a record is worth: its conflicts come first."),
    )
    owner: Side | None = Field(None, description=_("One side owns the whole table: sync is one-way."))
    rows: list[RowRuleSpec] = Field(
        default=[], description=_("Rows that one side owns. The first rule that holds counts.")
    )
    drift: Drift = Field(
        Drift.ENFORCE,
        description=_("For an owned table or owned rows: what happens when the other side changes them."),
    )
    filter: SideTexts = Field(
        SideTexts(),
        description=_("Per side, CEL over `record`: a record for which it is false is out of scope."),
    )
    left_scope: LeftScope = Field(
        LeftScope.STOP,
        description=_("What happens to the other record when one no longer passes the filter."),
    )
    create: Create = Field(Create.BOTH, description=_("The sides on which records may be created."))
    deletes: Deletes = Field(
        Deletes.REVIEW, description=_("What a delete on one side does to an unchanged other side.")
    )
    edit_vs_delete: EditVsDelete = Field(
        EditVsDelete.REVIEW,
        description=_("What happens when one side deleted a record that the other changed."),
    )
    first_contact: FirstContact = Field(
        FirstContact.REVIEW,
        description=_("Who wins where matched records differ and nothing was agreed before."),
    )
    whole_record: bool = Field(False, description=_("A conflict on one field holds back the whole record."))
    risk: Unaccepted = Field(
        Unaccepted.WARN,
        description=_(
            "What happens to writes that could replace an unseen edit, where a system refuses no "
            "stale write, until somebody accepts the risk: `warn` (they go out, and pages say "
            "so) or `stop` (they wait)."
        ),
    )
    rehearse: Rehearse = Field(
        Rehearse.NO,
        description=_(
            "Whether the first pass writes only what somebody has approved: `required` (it waits until the "
            "plan of a rehearsal is approved, and stops if the systems have left that plan meanwhile) or "
            "`no`."
        ),
    )
    clock_tolerance: Duration = Field(
        5.0, description=_("Two changes closer in time than this can't be ordered.")
    )
    schedule: Duration = Field(30.0, description=_("Time between passes."))
    reconcile: Duration = Field(86400.0, description=_("Time between full comparisons of both sides."))
    guards: GuardsSpec = Field(GuardsSpec(), description=_("Limits that stop a pass and ask a person."))
    due: Duration = Field(
        None, description=_("Time within which a conflict shall be decided; no limit if not given.")
    )
    escalate: EscalateSpec = Field(
        EscalateSpec(), description=_("Who is given a conflict that is overdue, and after what further time.")
    )
    assessment: TableAnswers = Field(
        TableAnswers(), description=_("Who edits and needs the records, and what a lost edit would cost.")
    )
    fields: dict[FieldName, FieldSpec] = Field(min_length=1, description=_("Field mappings by name."))  # type: ignore[assignment]


class ResourceSpec(BaseModel):
    """A table or collection of a system. All other keys are its connector's."""

    model_config = ConfigDict(extra="allow", frozen=True)

    link: Annotated[str, Field(max_length=500)] = Field(
        "",
        description=_(
            "Address of a record in the system's own pages, with `{key}`, such as "
            "`https://shop.example.com/customers/{key}`; the system's `record_url` if not given."
        ),
    )
    changed_by: Annotated[str, Field(max_length=200)] = Field(
        "",
        description=_(
            "Field in which the system keeps who changed a record last: shown in inbox and history."
        ),
    )

    @property
    def config(self) -> dict[str, Any]:
        """The connector's own settings."""
        return dict(self.model_extra or {})


RESOURCE_KEYS = tuple(ResourceSpec.model_fields)


class SystemSpec(BaseModel):
    """One of the applications or databases that are kept in sync. All other keys are its connector's."""

    model_config = ConfigDict(extra="allow", frozen=True)

    connector: str = Field(description=_("How the system is reached."))
    label: Text = Field("", description=_("Name that people see; the short name if not given."))
    record_url: Annotated[str, Field(max_length=500)] = Field(
        "", description=_("Link to a record in the system's own pages, with `{resource}` and `{key}`.")
    )
    resources: dict[Name, ResourceSpec] = Field(default={}, description=_("Tables or collections, by name."))

    @property
    def config(self) -> dict[str, Any]:
        """The connector's own settings."""
        return dict(self.model_extra or {})

    @property
    def settings(self) -> dict[str, Any]:
        """The connector's own settings, with those of the resources by name."""
        return {**self.config, "resources": {name: one.config for name, one in self.resources.items()}}


class Envelope(Strict):
    """The file as a whole; systems and mappings are checked one by one, so that all errors are found."""

    version: Literal[1] = Field(description=_("Version of the format."))
    systems: dict[Name, dict[str, Any]] = Field(default={}, description=_("Systems by name."))
    mappings: dict[Name, dict[str, Any]] = Field(default={}, description=_("Mappings by name."))

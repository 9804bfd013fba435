"""What names usually mean in descriptions: last changes, cursors, page sizes; and how names are compared."""

from __future__ import annotations

import re


def plain(name: str) -> str:
    """A name without case and signs: `updated_at`, `updatedAt` and `Updated-At` are one."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def singular(name: str) -> str:
    """An English word for one of several, as far as endings tell."""
    for end, instead in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("s", "")):
        if name.lower().endswith(end) and len(name) > len(end) + 1 and not name.lower().endswith("ss"):
            return name[: -len(end)] + instead
    return name


def selector(*names: str) -> str:
    """A JMESPath expression for nested keys."""
    return ".".join(
        name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) else '"' + _escaped(name) + '"'
        for name in names
    )


def _escaped(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


MODIFIED = _names(
    "updatedat updatedon updated modified modifiedat modifiedon lastmodified lastmodifiedat "
    "lastmodifieddate lastmodifieddatetime lastmodifiedtime lastupdated lastupdatedat lastupdatetime "
    "lastupdateddatetime dateupdated datemodified updateddate updateddateutc modifieddate "
    "modifieddatetime modificationdate updatedtime updatetime updateat lasteditedtime lasteditedat "
    "changedat changed changedon lastchanged lastchangedat systemmodstamp writedate mtime "
    "updateddatetime lastchangedatetime lastupdateddate lastmodificationdate"
)
SINCE = _names(
    "updatedsince modifiedsince changedsince updatedafter modifiedafter changedafter updatedatmin "
    "updatedmin minupdatedat lastmodifiedafter lastmodifiedsince updatedatgte updatedgte "
    "updatedatfrom updatedfrom modifiedfrom modifiedatgte lastmodifiedgte updatedatgt "
    "lastupdatedsince lastupdatedafter dateupdatedsince updatedonmin updatedatafter minmodified "
    "sinceupdated"
)
PERHAPS_SINCE = ("since", "from", "startingfrom", "after")
ABOUT_CHANGES = re.compile(r"\b(updat|modif|chang|edit)", re.IGNORECASE)

RECORDS = _names("data items results records value values entries objects list rows content elements hits")
NEXT_URL = _names("next nextlink odatanextlink nexturl nextpageurl nextpageuri nextpagelink nexthref")
NEXT_TOKEN = _names(
    "nextcursor cursor nextpagetoken nexttoken continuationtoken endcursor nextpagecursor nextpagekey "
    "bookmark scrollid pagetoken nextpage nextstartingafter after offset continuation nextkey"
)
TOKEN_PARAM = _names(
    "cursor pagetoken nextpagetoken nextcursor startcursor pagecursor continuationtoken nexttoken "
    "bookmark scrollid token after offset continuation pagekey marker startingafter startkey page"
)
AFTER_PARAM = ("startingafter", "afterid", "sinceid", "lastid")
OFFSET_PARAM = _names("offset skip start startat startindex from firstresult")
PAGE_PARAM = _names("page pagenumber pageno pagenum pageindex currentpage p")
LIMIT_PARAM = _names(
    "limit perpage pagesize pagelimit maxresults top count size maxpagesize resultsperpage "
    "itemsperpage rows per pagecount numresults maxitems take"
)
TOTAL = _names(
    "total totalcount totalresults totalitems totalrecords odatacount totalsize totalhits totalelements"
)
MORE = _names("hasmore hasmoreitems hasnext hasnextpage more moreitems hasmoreresults")
LAST = _names("islast islastpage last lastpage")
CONCURRENCY = re.compile(r"optimistic|concurren|stale|conflict|current version|latest version", re.IGNORECASE)
VERSION = [
    "version",
    "rev",
    "revision",
    "etag",
    "lockversion",
    "rowversion",
    "synctoken",
    "concurrencystamp",
    "versionnumber",
    "vid",
]
PARTIAL = re.compile(
    r"\bpartial|only the (fields|values|properties|attributes)|sparse|not provided|omitted|left unchanged|"
    r"fields (that|which) are (not )?(set|given|sent|specified)|to change an attribute",
    re.IGNORECASE,
)
MOST = re.compile(
    r"(?:max(?:imum)?|up to|at most|limit(?:ed)? (?:of|to)|between 1 and)\D{0,30}?(\d{2,5})\b", re.IGNORECASE
)

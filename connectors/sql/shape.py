"""Whether a table may have another shape than when it was last looked at, told by one statement.

To read the shape of a table anew takes many. What is told here changes with every change of its shape, and
may change without one.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from .table import Bound

_POSTGRES = """with t as (select to_regclass(:table)::oid as oid)
select md5(string_agg(part, ',' order by part)) from (
  select format('table %s %s %s', c.oid, c.xmin, c.relkind) from pg_class c, t where c.oid = t.oid
  union all select format('column %s %s %s', attnum, attname, a.xmin) from pg_attribute a, t
   where attrelid = t.oid
  union all select format('default %s %s', adnum, d.xmin) from pg_attrdef d, t where adrelid = t.oid
  union all select format('index %s %s', indexrelid, i.xmin) from pg_index i, t where indrelid = t.oid
  union all select format('constraint %s %s', c.oid, c.xmin) from pg_constraint c, t where conrelid = t.oid
  union all select format('type %s %s', y.oid, y.xmin) from pg_type y, pg_attribute a, t
   where attrelid = t.oid and y.oid = atttypid and y.typtype <> 'b'
  union all select format('label %s %s %s', e.oid, e.xmin, e.enumlabel) from pg_enum e, pg_attribute a, t
   where attrelid = t.oid and e.enumtypid = atttypid
) shape(part)"""


def stamp(connection: Connection, bound: Bound) -> str | None:
    """The same as long as the table has the same shape; None where that can't be told quickly."""
    table = connection.dialect.identifier_preparer.format_table(bound.clause)
    if bound.dialect == "postgresql":
        plain = table.replace("%%", "%")
        told = connection.scalar(sa.text(_POSTGRES), {"table": plain})
    elif bound.dialect == "sqlite":
        told = connection.exec_driver_sql("PRAGMA schema_version").scalar()
    else:
        told = connection.exec_driver_sql(f"show create table {table}").one()[1]
    return None if told is None else str(told)

"""Whether a table may have another shape than when it was last looked at, told by one statement.

To read the shape of a table anew takes many. What is told here changes with every change of its shape, and
may change without one.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from .table import Bound
from .tracking import receipts, registers
from .tracking.target import Target

_POSTGRES = f"""with t as (select to_regclass(:table)::oid as oid)
select md5(string_agg(part, ',' order by part)) from (
  select format('table %s %s %s %s', n.nspname, c.oid, c.xmin, c.relkind)
   from t join pg_class c on c.oid = t.oid join pg_namespace n on n.oid = c.relnamespace
  union all select format('column %s %s %s', attnum, attname, a.xmin) from pg_attribute a, t
   where attrelid = t.oid
  union all select format('default %s %s', adnum, d.xmin) from pg_attrdef d, t where adrelid = t.oid
  union all select format('index %s %s', indexrelid, i.xmin) from pg_index i, t where indrelid = t.oid
  union all select format('constraint %s %s', c.oid, c.xmin) from pg_constraint c, t where conrelid = t.oid
  union all select format('type %s %s', y.oid, y.xmin) from pg_type y, pg_attribute a, t
   where attrelid = t.oid and y.oid = atttypid and y.typtype <> 'b'
  union all select format('label %s %s %s', e.oid, e.xmin, e.enumlabel) from pg_enum e, pg_attribute a, t
   where attrelid = t.oid and e.enumtypid = atttypid
  union all select 'stamps ' || kept from ({registers.KEPT}) stamps(kept)
  union all select 'receipts ' || place from ({receipts.PLACE}) receipts(place)
) shape(part)"""  # noqa: S608 - of constants


def stamp(connection: Connection, bound: Bound, aim: Target | None) -> str | None:
    """The same as long as the table has the same shape; None where that can't be told quickly.

    With the target of its tracking also as long as the same stamps and receipts are kept.
    """
    table = connection.dialect.identifier_preparer.format_table(bound.clause)
    if bound.dialect == "postgresql":
        plain = table.replace("%%", "%")
        given = {"table": plain, **registers.kept_in(aim), **receipts.kept_in(aim)}
        told = connection.scalar(sa.text(_POSTGRES), given)
    elif bound.dialect == "sqlite":
        told = connection.exec_driver_sql("PRAGMA schema_version").scalar()
    else:
        told = connection.exec_driver_sql(f"show create table {table}").one()[1]
    return None if told is None else str(told)

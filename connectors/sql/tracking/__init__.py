"""Change tracking: triggers write what changed into a log beside the table, and the hub reads the log.

`postgres`, `mysql` and `sqlite` are the SQL of each database, whole and readable; `target` says what is
tracked; `installed` puts it there, takes it away and tells how it stands; `reading` reads the log in an
order in which no transaction that commits late is passed over. `stamps` are those of columns (made by the
triggers as `registers` and `stamped` say), `receipts` those of our own writes. Everything of ours has a name
that begins with `syncadmin`.
"""

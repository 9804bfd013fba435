"""The demo: two live sample systems, staff who keep editing both, and the mapping file between them.

The shop is a PocketBase, the ERP a PostgreSQL database: programs that we did not write, each with a
schema of its own. Nothing of the product imports this package; it is installed as an app only where
SYNCADMIN_DEMO=1.
"""

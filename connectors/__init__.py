"""Connectors to other systems, found through the entry-point group `syncadmin.connectors`."""

"""Reads for pages and commands: how mappings stand, what the journal holds. Nothing is written here."""

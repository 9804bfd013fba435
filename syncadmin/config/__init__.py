"""Configuration: the YAML file, its checks, applying and exporting it, and opening connectors from it.

Everything that can be clicked can be written in a file, and the other way round: the admin's forms call the
same functions as the commands. Nothing here touches links, the journal or a record.
"""

"""One module a preset, named as it is (`parse_server` for `parse-server`), with a `PEER`."""

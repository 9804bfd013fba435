"""Presets and the systems they are for: `python -m tests.presets` runs the conformance kit on each.

`peers/` has one module a preset, which starts its system. The reports are data files in
`connectors/rest/proofs/`, from which the labels and the table in docs/connectors.md are made.
"""

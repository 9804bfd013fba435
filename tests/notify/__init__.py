"""Notices: who is told of what, when, in which words, and that they arrive."""

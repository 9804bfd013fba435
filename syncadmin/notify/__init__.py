"""Telling people: events become notices for those who asked, and notices become messages.

`expand` reads events, `deliver` sends; both are run by one queue job, and leave nothing undone that the
tables do not say. Imported by the jobs and pages on top, known to nothing below.
"""

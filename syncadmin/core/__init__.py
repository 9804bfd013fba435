"""The pure decision core: what two-way sync should do, never how it is done.

Nothing here imports Django, a connector, a clock or any I/O. Data goes in, a plan comes out.
"""

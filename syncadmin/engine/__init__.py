"""The shell that acts: reads, decides, stores, writes, recovers. One pass at a time works on a mapping.

Each function here is one transaction on the hub or one remote call, so that a crash can be placed between
any two. Only `judge` calls the core's `decide`; only `write` calls a connector's writing method.
"""

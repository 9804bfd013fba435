"""`python -m tests.servers.npm NAME ...` installs programs; `--lock NAME ...` makes their locks anew."""

import sys

from tests.servers.npm import installed, lock

for name in sys.argv[1:]:
    if name != "--lock":
        (lock if "--lock" in sys.argv else installed)(name)

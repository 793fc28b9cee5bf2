"""The daemon: its door (HTTP on a Unix socket), the clients of it, the shell and the command line.

`contract` is what the door asks of a ledger, `service` keeps it over a running tree; `connection`
is what `Ledger` asks of the other side, `local` and `client` keep that.
"""

from __future__ import annotations

"""A supervisor, two workers, a crash, a restart, and a name that survives it.

    python examples/crash_and_restart.py

Needs the package `supervision`, pykka and structlog. The crash is logged to the standard error.
"""

from __future__ import annotations

import sys

import structlog

from supervision import Actor, Registry, Supervisor, child_spec, format_tree, tree, which_children

console = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
structlog.configure(
    processors=[structlog.processors.add_log_level, console],
    logger_factory=structlog.PrintLoggerFactory(sys.stderr),
)

names = Registry("names")
cashier = names.name("cashier")  # looked up at every send: whoever has it then
ledger = names.name("ledger")


class Ledger(Actor):
    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def on_receive(self, amount: int) -> int:
        self.total += amount
        return self.total


class Cashier(Actor):
    def on_receive(self, amount: int) -> str:
        parts = 100 // amount  # a zero crashes the cashier, and nobody else
        return f"100 is {parts} times {amount}; {ledger.ask(amount)} in the ledger"


shop = Supervisor.start(
    [
        child_spec(Ledger, id="ledger", name=ledger),  # started first, stopped last
        child_spec(Cashier, id="cashier", name=cashier),
    ]
)
names.register("shop", shop)
print(cashier.ask(20))
try:
    cashier.ask(0)
except ZeroDivisionError as error:
    print("the cashier crashed:", error)
which_children(shop)  # the supervisor heard of the crash before we did: when it answers, it is done
print(cashier.ask(25))
print(format_tree(tree(shop)))
shop.stop()

"""The numbers of `status` in Prometheus' text format."""

from __future__ import annotations

from ledger_actors.daemon.protocol import StatusAnswer


def prometheus(status: StatusAnswer) -> str:
    """One gauge a line, with its help and type above."""
    lines = [
        *_gauge("ledger_head_event_id", "Id of the last event", status.head),
        *_gauge("ledger_aggregates", "Aggregates in memory", status.aggregates or 0),
        *_gauge("ledger_threads", "Threads of the process", status.threads),
        *_gauge("ledger_abandoned_threads", "Threads that could not be ended", status.abandoned),
        "# HELP ledger_consumer_lag Events that a consumer is behind",
        "# TYPE ledger_consumer_lag gauge",
    ]
    lines += [
        f'ledger_consumer_lag{{consumer="{consumer.name}"}} {consumer.lag}'
        for consumer in status.consumers
        if consumer.lag is not None
    ]
    lines += [
        "# HELP ledger_parked_events Events that a consumer could not process and has put aside",
        "# TYPE ledger_parked_events gauge",
        *(
            f'ledger_parked_events{{consumer="{consumer.name}"}} {consumer.parked}'
            for consumer in status.consumers
        ),
        "# HELP ledger_consumer_stopped Whether a consumer has stopped for good",
        "# TYPE ledger_consumer_stopped gauge",
        *(
            f'ledger_consumer_stopped{{consumer="{consumer.name}"}} '
            f"{int(consumer.stopped_because is not None)}"
            for consumer in status.consumers
        ),
    ]
    return "\n".join(lines) + "\n"


def _gauge(name: str, told: str, value: int) -> list[str]:
    return [f"# HELP {name} {told}", f"# TYPE {name} gauge", f"{name} {value}"]

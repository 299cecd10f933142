"""What may be asked of the searches: by the hub's commands, and on the spot."""

from typing import Any, cast

from edge.search.desk import SearchDesk
from edge.tasks.local import Control
from telemetry.commands.handling import Handler, Order, Progress, Result
from telemetry.contract.search import SearchStart, SearchStop


class _StartOrder:
    long_running = False

    def __init__(self, desk: SearchDesk) -> None:
        self._desk = desk

    def check(self, order: Order) -> None:
        self._desk.check(cast(SearchStart, order.args))

    def carry_out(self, order: Order, progress: Progress) -> Result:  # noqa: ARG002 - it is brief
        return self._desk.start(cast(SearchStart, order.args), order.issuer)


class _StopOrder:
    long_running = False

    def __init__(self, desk: SearchDesk) -> None:
        self._desk = desk

    def check(self, order: Order) -> None:
        self._desk.check_stop(cast(SearchStop, order.args).search)

    def carry_out(self, order: Order, progress: Progress) -> Result:  # noqa: ARG002 - it is brief
        wanted = cast(SearchStop, order.args)
        return self._desk.stop(wanted.search, order.issuer, wanted.reason)


def search_handlers(desk: SearchDesk) -> dict[str, Handler]:
    return {"search.start": _StartOrder(desk), "search.stop": _StopOrder(desk)}


def search_controls(desk: SearchDesk) -> dict[str, Control]:
    def status(_asked: Any) -> dict[str, Any]:
        return {"searches": desk.status()}

    return {"search.status": status}

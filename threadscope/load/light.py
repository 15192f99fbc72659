"""Light requests beside a load: what the load does to everybody else. Runs in the load process."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack

from threadscope.load.asker import Orders
from threadscope.load.clients import clients_for
from threadscope.load.crew import Crew
from threadscope.load.messages import Beside
from threadscope.load.plan import LoadPlan
from threadscope.load.tally import Tally
from threadscope.probe.layout import F_BESIDE
from threadscope.probe.ring import RingWriter


class Light:
    """One route that is asked on a schedule of its own while the load goes on.

    A schedule, because a client that waits for its answer would ask least when it waits longest.

    Args:
        plan: what to ask, and how often.
        ring: where the requests are written down; None: nowhere.
        next_request: gives each request its number.
    """

    def __init__(
        self, plan: LoadPlan, ring: RingWriter | None, next_request: Callable[[], int]
    ) -> None:
        self._plan, self.tally = plan, Tally(plan)
        self.crew = Crew(Orders(plan, self.tally, ring, next_request, F_BESIDE))

    async def begin(self, stack: AsyncExitStack) -> None:
        """Begins to ask; the stack hangs up."""
        self.crew.begin(await stack.enter_async_context(clients_for(self._plan)))

    def result(self) -> Beside:
        """What became of them."""
        all_of_it = self.tally.result(0, 0, 0, 0)
        assert all_of_it.scheduled is not None  # the plan has a rate
        return Beside(
            route=self._plan.routes()[0],
            started=all_of_it.started,
            completed=all_of_it.completed,
            failed=all_of_it.failed,
            histogram=all_of_it.scheduled.histogram,
        )

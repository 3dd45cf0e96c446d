"""A loop whose time jumps to the next timer as soon as nothing else is to do: hours pass in no time, and always alike.

What is given to a thread is run in the loop, a little later by virtual time, so that others go on meanwhile and the
order is the same in every run. Tasks are hashed by their number, because asyncio keeps them in sets.
"""

import asyncio
from asyncio import base_events
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar

T = TypeVar("T")

_MOST_TURNS = 200_000


class Hang(Exception):
    """Everybody waits for something that nobody will bring about."""


class _Selector:
    """Stands where a loop waits for the network: there is none, so waiting is over at once."""

    def __init__(self, loop: "VirtualLoop") -> None:
        self._loop = loop
        self._turns = 0

    def select(self, timeout: float | None) -> list[object]:
        self._turns += 1
        if timeout is None or self._turns > _MOST_TURNS:
            raise Hang(f"{self._turns} turns of the loop, and no end")
        self._loop.elapsed += timeout
        return []


class _Task(asyncio.Task[Any]):
    def __init__(self, number: int, *arguments: Any, **named: Any) -> None:  # noqa: ANN401  - as asyncio gives them
        self._number = number
        super().__init__(*arguments, **named)

    def __hash__(self) -> int:
        return self._number


class VirtualLoop(base_events.BaseEventLoop):
    """*thread_time* tells how many seconds the next piece of work takes that is given to a thread."""

    def __init__(self, thread_time: Callable[[], float]) -> None:
        super().__init__()
        self.elapsed = 0.0
        self.at_work = 0
        """How many threads are."""

        self.broken: list[BaseException] = []
        """What tasks have died of that nobody waited for."""
        self._thread_time = thread_time
        self._tasks = 0
        self._selector = _Selector(self)
        self.set_task_factory(self._make_task)  # type: ignore[arg-type]
        self.set_exception_handler(self._hear)

    def time(self) -> float:
        return self.elapsed

    def run_in_executor(self, executor: object, func: Callable[..., Any], *args: object) -> asyncio.Future[Any]:
        future = self.create_future()

        def work() -> None:
            self.at_work -= 1
            try:
                result = func(*args)
            except BaseException as error:  # noqa: BLE001  - as a thread hands it over
                if not future.done():
                    future.set_exception(error)
            else:
                if not future.done():
                    future.set_result(result)

        self.at_work += 1
        self.call_later(self._thread_time(), work)
        return future

    def _make_task(
        self,
        _: asyncio.AbstractEventLoop,
        coroutine: Coroutine[Any, Any, Any],
        context: Context | None = None,
        **named: Any,  # noqa: ANN401
    ) -> _Task:
        self._tasks += 1
        return _Task(self._tasks, coroutine, loop=self, context=context, **named)

    def _hear(self, _: asyncio.AbstractEventLoop, told: dict[str, Any]) -> None:
        error = told.get("exception")
        if error is not None:
            self.broken.append(error)

    def _process_events(self, _: list[object]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run *main* in virtual time from 0 s, threads in place, and tell what tasks have died of."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(lambda: 0.0)) as runner:
        result = runner.run(main)
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        assert loop.broken == []
        return result

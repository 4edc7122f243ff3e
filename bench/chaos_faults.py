"""The faults of `bench.chaos`, drawn from a seed: processes, the database, the network, and clocks."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable

import psycopg

from bench.chaos_place import FAKETIME, Place, Program

SKEWS = (-180.0, -3.0, 3.0, 180.0)


class Faults:
    """Causes one fault after the other until `stop`, which repairs everything."""

    def __init__(self, place: Place, seed: int) -> None:
        self._place = place
        self._chance = random.Random(seed)
        self._stopping = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self.made: Counter[str] = Counter()
        self._kinds: list[tuple[int, Callable[[], str]]] = [
            (8, self._kill_worker), (3, self._stop_worker), (3, self._pause_worker), (3, self._kill_web),
            (2, self._pause_web), (2, self._crash_database), (3, self._terminate), (2, self._cut), (2, self._slow),
            (1, self._no_connections), (8 if FAKETIME else 0, self._skew),
        ]  # fmt: skip

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """No more faults; waits until the last one is over."""
        self._stopping.set()
        self._over.wait(120)
        for worker in self._place.workers:
            if worker.skew:
                self._again(worker, signal.SIGTERM, 0.0)

    def _work(self) -> None:
        while not self._stopping.wait(self._chance.uniform(1.0, 4.0)):
            weights = [weight for weight, _ in self._kinds]
            [(_, fault)] = self._chance.choices(self._kinds, weights)
            what = fault()
            kind = what.partition(":")[0]
            self.made[kind] += 1
        self._over.set()
        # What this thread has started would end with it.
        threading.Event().wait()

    def _worker(self) -> Program:
        return self._chance.choice(self._place.workers)

    def _again(self, program: Program, number: int, skew: float, pause: float = 0.0) -> None:
        """End a process and start it again, perhaps on another machine."""
        program.stopped = True
        program.end(number)
        time.sleep(pause)
        program.start(skew)
        program.stopped = False

    def _kill_worker(self) -> str:
        worker = self._worker()
        self._again(worker, signal.SIGKILL, worker.skew, self._chance.choice((0.0, 0.0, 1.5)))
        return f"worker killed: {worker.name}"

    def _stop_worker(self) -> str:
        worker = self._worker()
        self._again(worker, signal.SIGTERM, worker.skew)
        return f"worker stopped and started: {worker.name}"

    def _skew(self) -> str:
        worker, skew = self._worker(), self._chance.choice(SKEWS)
        self._again(worker, signal.SIGKILL, skew)
        return f"worker killed and replaced by one with its clock off by {skew:+.0f} s: {worker.name}"

    def _pause_worker(self) -> str:
        worker = self._worker()
        self._hold(worker, self._chance.uniform(1, 8))
        return f"worker held still for some seconds: {worker.name}"

    def _kill_web(self) -> str:
        web = self._chance.choice(self._place.webs)
        self._again(web, signal.SIGKILL, 0.0)
        return f"web process killed: {web.name}"

    def _pause_web(self) -> str:
        web = self._chance.choice(self._place.webs)
        self._hold(web, self._chance.uniform(1, 4))
        return f"web process held still for some seconds: {web.name}"

    def _hold(self, program: Program, seconds: float) -> None:
        program.send(signal.SIGSTOP)
        time.sleep(seconds)
        program.send(signal.SIGCONT)

    def _crash_database(self) -> str:
        self._place.stop_database_at_once()
        time.sleep(self._chance.uniform(0, 3))
        self._place.server.revive()
        return "database stopped at once and started again"

    def _terminate(self) -> str:
        number = self._place.terminate_backends(self._chance, self._chance.choice((0.2, 0.5, 1.0)))
        return f"database connections ended by the server: {number}"

    def _cut(self) -> str:
        return f"all database connections cut on their way: {self._place.line.cut()}"

    def _slow(self) -> str:
        self._place.line.delay = self._chance.choice((0.02, 0.1, 0.5))
        time.sleep(self._chance.uniform(1, 5))
        self._place.line.delay = 0.0
        return "database slow on its way for some seconds"

    def _no_connections(self) -> str:
        held: list[psycopg.Connection] = []
        try:
            while len(held) < 300:
                held.append(psycopg.connect(self._place.direct.replace("postgres@", "chaos_user@", 1)))
        except psycopg.OperationalError:
            pass
        time.sleep(self._chance.uniform(1, 3))
        for connection in held:
            connection.close()
        return "no connections left at the database for some seconds"

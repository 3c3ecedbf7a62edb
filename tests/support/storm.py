"""Many kinds of harm at once, drawn from one seed, while daemons are replaced as they fall."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from tests.support.builders import scalar
from tests.support.proxy import Fate
from tests.support.yard import Daemon, Yard

Blow = Callable[["Storm", Daemon], Awaitable[None]]


async def kill(storm: Storm, daemon: Daemon) -> None:
    """SIGKILL; another daemon takes its place."""
    await daemon.kill()
    storm.yard.faults["process killed"] += 1


async def stop(storm: Storm, daemon: Daemon) -> None:
    """SIGTERM; another daemon takes its place."""
    assert await daemon.stop() == 0
    storm.yard.faults["process stopped"] += 1


async def freeze(storm: Storm, daemon: Daemon) -> None:
    """SIGSTOP for longer than a lease, then SIGCONT: a zombie."""
    daemon.freeze()
    owner = daemon.owner
    held = "SELECT count(*) FROM work WHERE lease_owner = %s"
    await storm.yard.until(lambda: not daemon.alive or scalar(storm.yard.psql, held, owner) == 0, what="a rescue")
    daemon.thaw()
    storm.yard.faults["process frozen past its leases"] += 1


async def end_sessions(storm: Storm, daemon: Daemon) -> None:
    """pg_terminate_backend on some sessions of any daemon."""
    storm.yard.terminate(storm.yard.random.randint(1, 4))


def breaking(fate: Fate) -> Blow:
    """Break about half of a daemon's connections."""

    async def blow(storm: Storm, daemon: Daemon) -> None:
        storm.yard.break_links(daemon, fate, 0.5)

    return blow


async def slow(storm: Storm, daemon: Daemon) -> None:
    """A slow and narrow line for a while."""
    daemon.proxy.delay_s, daemon.proxy.trickle = 0.05, 512
    await asyncio.sleep(0.3)
    daemon.proxy.delay_s, daemon.proxy.trickle = 0.0, 0
    storm.yard.faults["line slow"] += 1


async def refuse(storm: Storm, daemon: Daemon) -> None:
    """All connections cut and new ones refused for a while."""
    daemon.proxy.refusing = True
    storm.yard.break_links(daemon, Fate.CUT)
    await asyncio.sleep(0.3)
    daemon.proxy.refusing = False
    storm.yard.faults["database out of reach"] += 1


async def restart(storm: Storm, daemon: Daemon) -> None:
    """The server is stopped at once, as by a crash, and started again."""
    await storm.yard.restart()


async def edit(storm: Storm, daemon: Daemon) -> None:
    """The source of something that is being written changes."""
    yard = storm.yard
    done = yard.psql.execute(
        "UPDATE node SET source_code = source_code || ' + 1' WHERE id IN (SELECT c.node_id FROM chunk c "
        "JOIN work w ON w.chunk_id = c.id WHERE w.state = 'leased' AND w.stage = 'coder' ORDER BY c.id LIMIT 3)"
    )
    yard.faults["source edited during the call"] += max(0, done.rowcount)


@dataclass(slots=True)
class Storm:
    """``blows`` with their weights, ``pause_s`` apart on average, until ``until`` faults are counted."""

    yard: Yard
    blows: Mapping[Blow, int]
    daemons: int = 2
    pause_s: float = 0.05
    standing: list[Daemon] = field(default_factory=list)

    async def rage(self, count: int) -> None:
        """Strike ``count`` times; whatever is down is replaced before the next blow."""
        kinds, weights = list(self.blows), list(self.blows.values())
        for _ in range(count):
            await self.replace()
            blow = self.yard.random.choices(kinds, weights)[0]
            await blow(self, self.yard.random.choice(self.standing))
            await asyncio.sleep(self.yard.random.uniform(0, 2 * self.pause_s))
        await self.replace()

    async def replace(self) -> None:
        """As many daemons at work as there should be. One that cannot start (the server is away) is tried again."""
        while True:
            self.standing = [daemon for daemon in self.standing if daemon.alive]
            missing = self.daemons - len(self.standing)
            if not missing:
                return
            self.standing += [await self.yard.daemon() for _ in range(missing)]
            await self.yard.until(
                lambda: all(daemon.owner is not None or not daemon.alive for daemon in self.standing),
                what="a daemon's start",
            )

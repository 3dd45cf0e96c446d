"""The history that one seed makes: operators edit, plan, apply, lose things and settle doubts; in the end all is well.

Everything is checked after every step. The last phase is a healthy one: no faults, enough time, and an operator who
looks at the ledger before saying what became of a doubt. Then nothing may be left to do, and the ledger must show what
is declared.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from random import Random

from simulation.misbehaviour import misbehaviour, outage
from simulation.person import settle
from simulation.runner import CALM, Apply, Manner, start
from simulation.world import FOREIGN, TARGETS, World, declared, sorted_spec, what_is_readable

from reconciler.core.declaration import Spec
from reconciler.core.key import FORGOTTEN

_HOUR = 3_600.0
_ROUNDS = 10
_SOON = 800.0
"""Seconds after which what was lost has landed, and may be issued again by any clock."""

_NO_FAULTS = {"version": 1, "rules": []}


class History:
    def __init__(self, world: World) -> None:
        self.world = world
        self.chance: Random = world.chances.history
        self.endings: list[str] = []
        self._specs: list[Spec] = []
        self._spoilt: set[str] = set()
        """Journals that were damaged: one of which not a line is left stays for a person to look at."""

    async def live(self) -> None:
        self._edit()
        for _ in range(self.chance.randint(3, 9)):
            await self._move()
            self._look()
            if self.world.witness.wrong:
                return
        await self._heal()

    async def _move(self) -> None:
        moves: tuple[tuple[Callable[[], object], int], ...] = (
            (self._edit, 3),
            (self._apply, 8),
            (self._apply_twice, 2),
            (self._apply_stale, 1),
            (self._damage, 2),
            (self._return_old, 1),
            (self._wait, 3),
            (lambda: settle(self.world), 1),
        )
        names, weights = zip(*moves, strict=True)
        done = self.chance.choices(names, weights)[0]()
        if asyncio.iscoroutine(done):
            await done

    def _look(self) -> None:
        self.world.look()

    # What operators do

    def _edit(self) -> None:
        """Change the declarations: other ones, other flags or triggers, or all as it was some time ago."""
        world, chance = self.world, self.chance
        if self._specs and chance.random() < 0.3:
            world.spec = chance.choice(self._specs)
        else:
            wanted = dict(world.spec.declarations)
            for target in chance.sample(TARGETS, chance.randint(1, 6)):
                declaration = declared(target, chance)
                if chance.random() < 0.1:
                    wanted.pop(declaration.address, None)
                else:
                    wanted[declaration.address] = declaration
            world.spec = sorted_spec(wanted)
        self._specs.append(world.spec)
        world.tell(f"declared: {[f'{a} {d.flags.name} {d.trigger}' for a, d in world.spec.declarations.items()]}")

    async def _wait(self) -> None:
        await self.world.passes(self.chance.choice((5.0, 90.0, 700.0, _HOUR, 8 * _HOUR, 22.9 * _HOUR, 30 * _HOUR)))

    async def _apply(self, manner: Manner | None = None) -> None:
        self._load_faults()
        await self._run(start(self.world, manner or self._manner()))

    async def _apply_twice(self) -> None:
        """Two runs at once, with or without the lock."""
        self._load_faults()
        locks = self.chance.random() < 0.3
        manners = [replace(self._manner(), locks=locks, suspends=self._nap()) for _ in range(2)]
        begun = [asyncio.ensure_future(self._run(start(self.world, manners[0])))]
        await asyncio.sleep(self.chance.choice((0.0, 0.05, 0.3, 5.0)))
        begun.append(asyncio.ensure_future(self._run(start(self.world, manners[1]))))
        await asyncio.gather(*begun)

    async def _apply_stale(self) -> None:
        """Somebody ponders over a plan, and meanwhile the state moves or does not."""
        pondering = start(self.world, replace(CALM, ponders=self.chance.choice((60.0, 2 * _HOUR)), locks=False))
        begun = asyncio.ensure_future(self._run(pondering))
        await asyncio.sleep(0.01)
        await self._apply(replace(self._manner(), suspends=self._nap()))
        await begun

    async def _run(self, apply: Apply) -> None:
        self.endings.append(await apply.live())

    def _load_faults(self) -> None:
        document = outage(self.chance) if self.chance.random() < 0.05 else misbehaviour(self.chance)
        self.world.load_faults(document if self.chance.random() < 0.8 else _NO_FAULTS)
        self.world.tell(f"faults: {document['rules']}")

    def _manner(self) -> Manner:
        chance = self.chance
        trouble = chance.choice(("none", "step", "step", "time", "signal", "deadline", "ill", "suspend", "foreign"))
        traits: dict[str, object] = {}
        if trouble == "step":
            traits = {"dies_at": int(chance.expovariate(1 / 60)), "by_power_cut": chance.random() < 0.5}
        if trouble == "ill":
            traits = {"ails_at": int(chance.expovariate(1 / 60)), "ails_for": chance.choice((1, 2, 10**6))}
            traits["error"] = chance.choice((5, 28))
        knows_tenant = bool(self.world.witness.written and self.world.witness.written["tenant"])
        return Manner(
            concurrency=chance.choice((None, 1, 2, 8)),
            max_calls=chance.choice((None, None, None, 1, 3)),
            deadline=chance.choice((2.0, 30.0, 300.0)) if trouble == "deadline" else None,
            ponders=chance.choice((0.0, 0.0, 0.0, 5.0, _HOUR)),
            signals=self._signals() if trouble == "signal" else (),
            dies=chance.expovariate(1 / 3) if trouble == "time" else None,
            suspends=(chance.expovariate(1 / 3), chance.choice((60, 2, 25)) * _HOUR) if trouble == "suspend" else None,
            locks=chance.random() < 0.7,
            client=FOREIGN if trouble == "foreign" and knows_tenant and chance.random() < 0.4 else CALM.client,
            traits=traits,
        )

    def _nap(self) -> tuple[float, float] | None:
        """A sleep of the machine that two runs at once survive without the lock: neither may last a day."""
        return (self.chance.expovariate(1 / 3), 2 * _HOUR) if self.chance.random() < 0.1 else None

    def _signals(self) -> tuple[float, ...]:
        first = self.chance.expovariate(1 / 2)
        return (first, first + self.chance.expovariate(1 / 5)) if self.chance.random() < 0.5 else (first,)

    # What is lost

    def _damage(self) -> None:
        """Lose, tear or spoil a journal that nobody is writing."""
        world, chance = self.world, self.chance
        if not world.journals():
            return
        path = chance.choice(world.journals())
        before, content = world.everything(), path.read_bytes()
        how = chance.choice(("lost", "torn", "spoilt"))
        if how == "lost":
            path.unlink()
        elif how == "torn":
            path.write_bytes(content[: chance.randint(0, len(content))])
        elif content:
            self._spoilt.add(path.name)
            at = chance.randrange(len(content))
            bad = bytes([content[at] ^ 1 << chance.randrange(8)]) if chance.random() < 0.5 else bytes(512)
            path.write_bytes(content[:at] + bad + content[at + len(bad) :])
        world.witness.loses(before, what_is_readable(world), content)
        world.tell(f"{path.name} is {how}")

    def _return_old(self) -> None:
        """A journal that was folded long ago comes back, whole or as it was when somebody copied it.

        A copy is of a time when nothing was out that is known to have returned: of such a send nothing is kept, so that
        it would look like a doubt.
        """
        folded = sorted(self.world.witness.folded.items())
        if folded:
            name, content = self.chance.choice(folded)
            lines = content.splitlines(keepends=True)
            least = max((number for number, line in enumerate(lines, 1) if b'"returned"' in line), default=1)
            (self.world.folder / name).write_bytes(
                b"".join(lines[: self.chance.randint(least, max(least, len(lines)))])
            )
            self.world.tell(f"{name} is back")

    # The healthy phase

    async def _heal(self) -> None:
        world = self.world
        world.load_faults(_NO_FAULTS)
        world.tell("all is well now")
        for number in range(_ROUNDS):
            await self._run(apply := start(world))
            self._look()
            if world.witness.wrong:
                return
            if apply.plan is not None and not apply.plan.changes:
                self._check_end()
                return
            await world.passes(_SOON if number < _ROUNDS // 2 else FORGOTTEN.total_seconds() + _SOON)
            settle(self.world)
        world.witness.finds("I11 apply does not come to an end", holds=False)

    def _check_end(self) -> None:
        """Everything declared is what the ledger shows last, and is on record with its ids; nothing else is left."""
        world, witness = self.world, self.world.witness
        left = [path.name for path in world.journals() if path.name not in self._spoilt]
        witness.finds(f"I11 left behind: {left}", not left)
        entries = (witness.written or {"entries": {}})["entries"]
        for address, declaration in world.spec.declarations.items():
            if address in witness.void:
                continue
            applied = entries.get(address, {}).get("applied")
            witness.finds(f"I11 declared and not on record: {address}", applied)
            effects = witness.effects.get(address, [])
            witness.finds(f"I11 declared and not done: {address}", effects)
            if not applied or not effects:
                continue
            key = effects[-1][0]
            is_ordered = not any(each.forgotten or each.blurred for each in witness.by_address[address])
            if is_ordered:
                same = key.digest == applied["digest"]
                witness.finds(f"I11 not what is declared was done last: {address}", same)
            flags = {"onlyReSend": declaration.flags.only_re_send, "reMigrate": declaration.flags.re_migrate}
            witness.finds(f"I11 other flags on record: {address}", applied["flags"] == flags)

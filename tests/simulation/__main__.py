"""Many seeds, or one with its trace. Run with tests/ on the path: python -m simulation --seeds 100000 --jobs 2

A seed that breaks an invariant is printed with the commit that it was found at; the two bring it back on any machine,
step by step with --trace.
"""

import argparse
import multiprocessing
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from simulation.seed import Ending, outcome, simulate

_AT_A_TIME = 10


def endings(seeds: Iterable[int], jobs: int) -> Iterator[Ending]:
    """Live through all *seeds*, in *jobs* processes."""
    with multiprocessing.get_context("fork").Pool(jobs, maxtasksperchild=50) as pool:
        yield from pool.imap_unordered(outcome, seeds, chunksize=_AT_A_TIME)


def told(ending: Ending) -> str:
    """What a person needs to bring a failure back."""
    head = f"seed={ending.seed} git={commit()}"
    return "\n".join([head, *(f"    {text}" for text in ending.wrong)])


def commit() -> str:
    """The commit of this code; one that ends in -dirty was changed since."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    found = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def summary(kinds: Counter[str], seeds: int, wrong: int, seconds: float) -> str:
    lines = [f"    {count:8}  {kind}" for kind, count in kinds.most_common()]
    return "\n".join([f"{seeds} seeds, {wrong} wrong, {seconds:.0f} s; applies ended so:", *lines])


def main() -> int:
    arguments = _arguments()
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    if arguments.trace:
        for seed in seeds:
            ending = simulate(seed)
            print(*ending.trace, f"digest={ending.digest}", told(ending), sep="\n")
        return 0
    kinds: Counter[str] = Counter()
    wrong, started = 0, time.monotonic()
    with ExitStack() as at_the_end:
        at_the_end.callback(lambda: print(summary(kinds, len(seeds), wrong, time.monotonic() - started)))
        for ending in endings(seeds, arguments.jobs):
            kinds.update(each.split(" {")[0] for each in ending.applies)
            kinds.update({"(sends)": ending.sends, "(effects)": ending.effects})
            if ending.wrong:
                wrong += 1
                print(told(ending), flush=True)
    return 1 if wrong else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="how many")
    parser.add_argument("--from", dest="first", type=int, default=0, metavar="K", help="the first of them")
    parser.add_argument("--jobs", type=int, default=1, metavar="J", help="in so many processes")
    parser.add_argument("--trace", action="store_true", help="print what happens, step by step")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

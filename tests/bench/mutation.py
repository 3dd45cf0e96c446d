"""How many faults put into the core's functions its tests find. Run: python tests/bench/mutation.py [MUTMUT'S OPTIONS]

A fault that no test reaches counts as not found, one that keeps a test from ending as found. What is not found is
listed first; `mutmut show NAME` shows it.
"""

import os
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOUND = {"killed", "timeout"}
MUTMUT = str(Path(sys.executable).with_name("mutmut"))


def verdicts() -> dict[str, dict[str, str]]:
    """Return for each module what became of each of its faults that was tried."""
    command = [MUTMUT, "results", "--all", "true"]
    told = subprocess.run(command, cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE).stdout
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for line in told.splitlines():
        name, _, verdict = line.strip().partition(": ")
        if verdict != "not checked":
            found[name.rpartition(".")[0]][name] = verdict
    return found


def main() -> None:
    if find_spec("mutmut") is None:
        sys.exit("mutmut is not installed: pip install -e '.[test,mutation]'")
    shutil.rmtree(ROOT / "mutants", ignore_errors=True)  # verdicts there outlive a change of the tests
    environment = os.environ | {"HYPOTHESIS_PROFILE": "mutation"}
    subprocess.run([MUTMUT, "run", *sys.argv[1:]], cwd=ROOT, env=environment, check=True)
    of_module = verdicts()
    for told in of_module.values():
        print(*(f"{name}: {verdict}" for name, verdict in told.items() if verdict not in FOUND), sep="\n")
    for module, told in sorted(of_module.items()):
        counts = Counter(told.values())
        found = sum(counts[verdict] for verdict in FOUND)
        print(f"{module}: {found} of {len(told)} found, {100 * found / len(told):.1f} %")


if __name__ == "__main__":
    main()

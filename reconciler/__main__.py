"""The entry point. `--version` is answered before anything else is loaded."""

import gc
import os
import sys


def main() -> int:
    if sys.argv[1:] == ["--version"]:
        return _print_version()
    gc.disable()  # what is loaded stays to the end; the collector is on again when the command begins
    from reconciler.cli.main import run  # noqa: PLC0415

    return run(sys.argv[1:])


def _print_version() -> int:
    from reconciler import __version__  # noqa: PLC0415

    try:
        os.write(1, f"reconciler {__version__}\n".encode())
    except BrokenPipeError:
        return 0
    except OSError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

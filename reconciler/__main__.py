"""The entry point. `--version` is answered before anything else is loaded."""

import sys


def main() -> int:
    if sys.argv[1:] == ["--version"]:
        from reconciler import __version__  # noqa: PLC0415

        print(f"reconciler {__version__}")  # noqa: T201
        return 0
    from reconciler.cli.main import run  # noqa: PLC0415

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())

"""The published JSON Schemas: in the wheel beside the package, in a checkout in the folder `schemas/`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_ENDING = ".schema.json"


def schema_folder() -> Path:
    package = Path(__file__).parent.parent
    shipped = package / "schemas"
    return shipped if shipped.is_dir() else package.parent / "schemas"


def load_schemas() -> Mapping[str, dict[str, Any]]:
    """Return every schema by file name."""
    return {path.name: json.loads(path.read_bytes()) for path in sorted(schema_folder().glob(f"*{_ENDING}"))}

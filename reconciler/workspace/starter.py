"""The files that a new project begins with: kept beside the package as they are written, but for the project's name."""

from collections.abc import Mapping
from pathlib import Path

from reconciler.workspace.schemas import schema_folder

_FOLDER = Path(__file__).parent.parent / "starter"
_NAME = "PROJECT_NAME"
_FILES = {
    "reconciler.yaml": "reconciler.yaml",
    "local/example.yaml": "local/example.yaml",
    "sandbox/first.yaml": "sandbox/first.yaml",
    "production/first.yaml": "production/first.yaml",
    ".gitignore": "gitignore",
    "README.md": "README.md",
}
_SCHEMAS = (
    *("common", "decisions", "dynamic-usage-charge", "order-line-item"),
    *("project", "source", "spec", "subscription"),
)
"""What people write, and what these schemas refer to: an editor finds them beside the files, on every machine."""

_APPLY = {"apply.sh": "ci/apply.sh"}
_PIPELINES: Mapping[str, Mapping[str, str]] = {
    "github": {".github/workflows/reconciler.yml": "ci/github.yml", **_APPLY},
    "gitlab": {".gitlab-ci.yml": "ci/gitlab.yml", **_APPLY},
    "none": {},
}


def starter_files(*, name: str, pipeline: str) -> dict[str, str]:
    """Return the text of each file by its path; *name* is the project's name as YAML has it."""
    files = {**_FILES, **_PIPELINES[pipeline]}
    own = {path: (_FOLDER / source).read_text("utf-8").replace(_NAME, name) for path, source in files.items()}
    schemas = [f"{schema}.schema.json" for schema in _SCHEMAS]
    return {**own, **{f"schemas/{each}": (schema_folder() / each).read_text("utf-8") for each in schemas}}

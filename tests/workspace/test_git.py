import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.core.call import Authorship
from reconciler.workspace.git import authorship_of, prefix_in_repository

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

ANA, BEN = "Ana Müller <ana@example.org>", "Ben <ben@example.org>"
Git = Callable[..., str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "repository").mkdir()
    return tmp_path / "repository"


@pytest.fixture
def git(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    """Run git in a repository that knows nothing of its user's settings."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    settings = ["-c", "user.name=Committer", "-c", "user.email=committer@example.org", "-c", "init.defaultBranch=main"]

    def run(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *settings, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    run("init", "--quiet")
    return run


def commit(git: Git, folder: Path, name: str, *, author: str = ANA, text: str = "version: 1\n") -> str:
    write(folder / name, text)
    git("add", "--all")
    git("commit", "--quiet", "--message", f"{name} {text}", "--author", author)
    return git("rev-parse", "HEAD")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def test_a_clean_file_has_the_commit_that_last_touched_it_and_its_author(git: Git, folder: Path) -> None:
    first = commit(git, folder, "a.yaml", author=ANA)
    second = commit(git, folder, "b.yaml", author=BEN)

    assert authorship_of(folder, ["a.yaml", "b.yaml"]) == {
        "a.yaml": Authorship(commit=first, author=ANA),
        "b.yaml": Authorship(commit=second, author=BEN),
    }


@pytest.mark.parametrize("staged", [True, False])
def test_an_edited_file_is_dirty_and_has_no_author(git: Git, folder: Path, *, staged: bool) -> None:
    last = commit(git, folder, "a.yaml")
    write(folder / "a.yaml", "version: 2\n")
    if staged:
        git("add", "a.yaml")

    assert authorship_of(folder, ["a.yaml"]) == {"a.yaml": Authorship(commit=f"{last}-dirty", author=None)}


@pytest.mark.parametrize("staged", [True, False])
def test_of_a_file_that_was_never_committed_nothing_is_known(git: Git, folder: Path, *, staged: bool) -> None:
    commit(git, folder, "a.yaml")
    write(folder / "inner/b.yaml", "")
    if staged:
        git("add", "inner/b.yaml")

    assert "inner/b.yaml" not in authorship_of(folder, ["a.yaml", "inner/b.yaml"])


def test_a_file_that_was_renamed_and_not_committed_is_a_new_one(git: Git, folder: Path) -> None:
    commit(git, folder, "a.yaml")
    git("mv", "a.yaml", "b.yaml")

    assert authorship_of(folder, ["b.yaml"]) == {}


def test_a_rename_makes_no_other_file_dirty(git: Git, folder: Path) -> None:
    """In git's own listing the old name of a rename stands without the three characters before it."""
    commit(git, folder, "xy old.yaml", text="version: 1\n# a longer text, which git takes for a rename\n")
    last = commit(git, folder, "old.yaml")
    git("mv", "xy old.yaml", "new.yaml")

    assert authorship_of(folder, ["old.yaml"]) == {"old.yaml": Authorship(commit=last, author=ANA)}


def test_a_project_below_the_top_of_its_repository_is_known_by_its_own_paths(git: Git, folder: Path) -> None:
    commit(git, folder, "project/local/a.yaml")
    last = commit(git, folder, "project/local/b.yaml")
    write(folder / "project/local/a.yaml", "changed")
    write(folder / "local/b.yaml", "another file of the same name, elsewhere")

    found = authorship_of(folder / "project", ["local/a.yaml", "local/b.yaml"])

    assert found["local/a.yaml"].author is None
    assert found["local/b.yaml"] == Authorship(commit=last, author=ANA)


@pytest.mark.parametrize(
    "name", ["Zürich 東京.yaml", "a b/c d.yaml", "-x.yaml", "[a].yaml", "*.yaml", ":(top)a.yaml", 'q"\\.yaml']
)
def test_a_path_is_a_path_whatever_characters_it_has(git: Git, folder: Path, name: str) -> None:
    first = commit(git, folder, name)
    commit(git, folder, "a.yaml", author=BEN)

    assert authorship_of(folder, [name]) == {name: Authorship(commit=first, author=ANA)}


def test_an_edited_file_is_dirty_whatever_characters_its_path_has(git: Git, folder: Path) -> None:
    last = commit(git, folder, 'Zürich "東京".yaml')
    write(folder / 'Zürich "東京".yaml', "changed")

    assert authorship_of(folder, ['Zürich "東京".yaml']) == {
        'Zürich "東京".yaml': Authorship(commit=f"{last}-dirty", author=None)
    }


def test_without_a_repository_nothing_is_known(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", "")

    assert authorship_of(tmp_path, ["a.yaml"]) == {}


def test_in_a_repository_without_commits_nothing_is_known(git: Git, folder: Path) -> None:
    write(folder / "a.yaml", "")

    assert authorship_of(folder, ["a.yaml"]) == {}


def test_without_git_nothing_is_known(git: Git, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(git, folder, "a.yaml")
    monkeypatch.setenv("PATH", str(folder))

    assert authorship_of(folder, ["a.yaml"]) == {}


FAKE_GPG = """\
#!/bin/sh
case "$*" in
*--verify*) echo "gpg: Good signature" >&2; echo "[GNUPG:] GOODSIG 1 somebody" ;;
*) cat >/dev/null; echo "[GNUPG:] SIG_CREATED " >&2; printf -- '-----BEGIN PGP SIGNATURE-----\\n\\nx\\n' ;;
esac
"""


def test_who_has_git_show_signatures_gets_the_same_answer(git: Git, folder: Path) -> None:
    write(folder / "gpg", FAKE_GPG)
    (folder / "gpg").chmod(0o755)
    for name, value in {"gpg.program": folder / "gpg", "commit.gpgSign": True, "log.showSignature": True}.items():
        git("config", name, str(value))
    last = commit(git, folder, "a.yaml")

    assert "Good signature" in git("log", "-1", "--format=%H")
    assert authorship_of(folder, ["a.yaml"]) == {"a.yaml": Authorship(commit=last, author=ANA)}


def test_asking_git_writes_nothing(git: Git, folder: Path) -> None:
    commit(git, folder, "a.yaml")
    os.utime(folder / "a.yaml", (0, 0))
    before = (folder / ".git/index").read_bytes()

    authorship_of(folder, ["a.yaml"])

    assert (folder / ".git/index").read_bytes() == before


def test_the_prefix_leads_from_the_root_of_the_repository(git: Git, folder: Path) -> None:
    write(folder / "a b/specs/reconciler.yaml", "")

    assert prefix_in_repository(folder) == ""
    assert prefix_in_repository(folder / "a b/specs") == "a b/specs"
    assert prefix_in_repository(folder / "a b/specs") == git("-C", "a b/specs", "rev-parse", "--show-prefix").strip("/")


def test_the_prefix_is_that_of_the_folder_itself_and_not_of_a_link_to_it(git: Git, folder: Path) -> None:
    write(folder / "specs/reconciler.yaml", "")
    (folder.parent / "link").symlink_to(folder / "specs")

    assert prefix_in_repository(folder.parent / "link") == "specs"


def test_a_worktree_has_a_root_of_its_own(git: Git, folder: Path) -> None:
    commit(git, folder, "specs/a.yaml")
    git("worktree", "add", "--quiet", str(folder.parent / "tree"))

    assert prefix_in_repository(folder.parent / "tree/specs") == "specs"


def test_without_a_repository_there_is_no_prefix(tmp_path: Path) -> None:
    assert prefix_in_repository(tmp_path) == ""

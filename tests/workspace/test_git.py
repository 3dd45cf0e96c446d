import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random

import pytest

from reconciler.core.call import Authorship
from reconciler.workspace import history
from reconciler.workspace.git import authorship_of, prefix_in_repository
from reconciler.workspace.history import last_commits

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


ODD_NAMES = ("a.yaml", "b/c.yaml", "b/Zürich 東京.yaml", "b/[a].yaml", "b/-x", 'b/q"\\.yaml', "b/\t", "b/caf\udce9.csv")
NEVER_THERE = "b/never there.yaml"


def import_history(folder: Path, chance: Random, commits: int, *, skewed: bool) -> None:
    """Make commits with up to three parents, whose files are those of a parent, others, or gone, by chance.

    Where it is *skewed*, a commit may be older than its parents, as with clocks that are wrong.
    """
    trees: list[dict[str, int]] = []
    lines: list[bytes] = []
    for number in range(commits):
        is_first = not number or (number < commits - 9 and chance.random() < 0.03)
        near, many = range(max(0, number - 6), number), chance.choice([1, 1, 2, 3])
        parents = [] if is_first else chance.sample(near, min(many, len(near)))
        tree = dict(trees[chance.choice(parents)]) if parents else dict.fromkeys(ODD_NAMES, 0)
        for name in ODD_NAMES:
            if len(parents) > 1 and chance.random() < 0.5:
                content = trees[chance.choice(parents)].get(name)
                tree = {path: each for path, each in {**tree, name: content}.items() if each is not None}
        for name in chance.sample(ODD_NAMES, chance.choice([0, 0, 1, 1, 2])):
            tree[name] = chance.randrange(3)
            if chance.random() < 0.1:
                del tree[name]
        trees.append(tree)
        at = 1_795_000_000 + (chance.randrange(10**6) if skewed else number)
        lines += [
            b"commit refs/heads/main",
            b"mark :%d" % (number + 1),
            b"author Ana M\xc3\xbcller %d <ana@example.org> %d +0000" % (number, at),
            b"committer C <c@example.org> %d +0000" % at,
            b"data 1\nx",
            *(b"from :%d" % (each + 1) if each == parents[0] else b"merge :%d" % (each + 1) for each in parents),
            b"deleteall",
            b"M 644 inline elsewhere\ndata %d\n%d" % (len(str(number)), number),
            *(
                b"M 644 inline " + quoted(f"project/{name}") + b"\ndata 1\n%d" % content
                for name, content in tree.items()
            ),
            b"",
        ]
        if not parents and number:
            lines.insert(len(lines) - lines[::-1].index(b"commit refs/heads/main") - 1, b"reset refs/heads/main\n")
    command = ["git", "-C", str(folder), "fast-import", "--quiet", "--force"]
    subprocess.run(command, input=b"\n".join(lines) + b"\n", check=True, capture_output=True)


def quoted(name: str) -> bytes:
    return b'"' + b"".join(b"\\%03o" % each for each in os.fsencode(name)) + b'"'


def last_for_each(folder: Path, paths: Iterable[str]) -> dict[str, str]:
    """The commit that ``git log -1`` names for each of *paths*."""
    command = ["git", "-C", str(folder), "--literal-pathspecs", "log", "-1", "--format=%H", "--"]
    return {
        path: subprocess.run([*command, path], check=True, capture_output=True, text=True).stdout.strip()
        for path in paths
    }


@pytest.mark.parametrize("seed", range(24))
def test_one_walk_of_a_history_with_merges_finds_for_each_file_what_git_log_finds(
    git: Git, folder: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Merges that take one side, another or something new, several beginnings, clocks that are wrong."""
    monkeypatch.setattr(history, "_AT_ONCE", [3, 17, 500][seed % 3])
    import_history(folder, Random(seed), 60, skewed=seed % 2 == 1)
    git("checkout", "--quiet", "--force", "main")
    (folder / "project").mkdir(exist_ok=True)
    names = [*ODD_NAMES, NEVER_THERE]
    found = last_commits(folder / "project", names)
    there = [name for name in names if (folder / "project" / name).exists()]

    assert {path: each.id for path, each in found.items()} == last_for_each(folder / "project", there)
    assert len(found) >= len(ODD_NAMES) // 2
    assert all(each.author.startswith("Ana Müller ") for each in found.values())


def test_thousands_of_files_are_found_with_a_handful_of_processes(
    git: Git, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"local/{number}.yaml" for number in range(2_000)]
    for name in names[1:]:
        write(folder / name, "version: 1\n")
    first = commit(git, folder, names[0])
    last = commit(git, folder, names[0], text="version: 1\n# again\n")
    started = folder.parent / "started"
    write(folder.parent / "bin/git", f'#!/bin/sh\necho x >> "{started}"\nexec {shutil.which("git")} "$@"\n')
    (folder.parent / "bin/git").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder.parent / "bin"), prepend=os.pathsep)
    found = authorship_of(folder, names)

    assert found == {name: Authorship(commit=last if name == names[0] else first, author=ANA) for name in names}
    assert started.read_text() == "x\n" * 5


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

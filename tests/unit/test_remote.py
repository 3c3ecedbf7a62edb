"""Fetching from servers that we do not trust: limits hold, nothing is run, no secret goes anywhere."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import filelock
import pytest

from daemon.errors import ConfigError, SourceError
from daemon.follow import remote as remoting
from daemon.follow.remote import Fetched, fetch, size_of
from daemon.follow.urls import checked_ref, looks_remote, remote_of
from daemon.index.commits import scan_commit
from daemon.index.history import files_of
from daemon.reach import FollowSettings
from daemon.settings import IndexSettings
from tests.support.githost import Host, a_host
from tests.support.gits import a_repository_of_git, commit, git, put

INDEX = IndexSettings()
ALL: tuple[Literal["https", "ssh", "http"], ...] = ("https", "ssh", "http")
TOKEN = "s3cret-t0ken"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return a_repository_of_git(tmp_path / "served" / "shop", {"a.py": "x = 1\n", "big.py": "y = 1\n" * 400_000})


@pytest.fixture
def host(shop: Path) -> Iterator[Host]:
    with a_host(shop.parent) as serving:
        yield serving


async def get(host: Host, base: Path, ref: str | None = None, **settings: Any) -> Fetched:
    chosen = FollowSettings(**{"protocols": ALL, "timeout_s": 60.0, **settings})
    return await fetch(remote_of(f"{host.url}/shop/.git", ALL), ref, base / "clones", chosen, INDEX)


def tree_of(fetched: Fetched) -> set[str]:
    return {blob.path for blob in files_of(fetched.folder, fetched.commit)}


async def test_a_branch_a_tag_and_the_head(host: Host, shop: Path, tmp_path: Path) -> None:
    first = await get(host, tmp_path)
    assert first.commit == git(shop, "rev-parse", "HEAD")
    git(shop, "tag", "v1")
    git(shop, "checkout", "-qb", "side")
    put(shop, {"b.py": "", "a.py": "x = 2\n"})
    second = commit(shop)
    assert (await get(host, tmp_path, "side")).commit == second
    assert (await get(host, tmp_path, "v1")).commit == first.commit
    assert (await get(host, tmp_path, second)).commit == second
    assert tree_of(await get(host, tmp_path)) == {"a.py", "b.py", "big.py"}, "the HEAD of the server is elsewhere now"
    with pytest.raises(SourceError, match="couldn't find remote ref nowhere") as caught:
        await get(host, tmp_path, "nowhere")
    assert "no such branch" in caught.value.remedy
    with pytest.raises(SourceError, match="not found"):
        await fetch(remote_of(f"{host.url}/gone", ALL), None, tmp_path, FollowSettings(protocols=ALL), INDEX)


async def test_nothing_is_checked_out_and_what_is_too_large_stays_there(host: Host, tmp_path: Path) -> None:
    fetched = await get(host, tmp_path)
    assert {path.name for path in fetched.folder.iterdir()} <= {
        "HEAD", "config", "objects", "refs", "shallow", "packed-refs",
    }  # fmt: skip
    assert "promisor" not in (fetched.folder / "config").read_text()
    host.seen.clear()
    seen = scan_commit(fetched.folder, fetched.commit, {}, INDEX)
    assert [entry.path for entry in seen.to_read] == ["a.py"]
    assert [(file.path, file.reason) for file in seen.skipped] == [
        ("big.py", "not in the store of git: larger than what was fetched")
    ]
    assert host.seen == [], "and nobody asks for it again"


async def test_only_as_much_history_as_is_wanted(host: Host, shop: Path, tmp_path: Path) -> None:
    for number in range(3):
        put(shop, {"a.py": f"x = {number}\n"})
        commit(shop)
    shallow, whole = await get(host, tmp_path / "1"), await get(host, tmp_path / "2", depth=0)
    counts = [git(one.folder, "rev-list", "--count", one.commit) for one in (shallow, whole)]
    assert counts == ["1", "4"]


async def test_a_token_comes_from_the_environment_and_goes_to_its_host_alone(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    host.authorization = f"Basic {base64.b64encode(f'x-access-token:{TOKEN}'.encode()).decode()}"
    with pytest.raises(SourceError) as caught:
        await get(host, tmp_path)
    assert "Name a variable with an access token" in caught.value.remedy
    tokens = {"127.0.0.1": "OUR_TOKEN"}
    with pytest.raises(ConfigError, match="OUR_TOKEN is empty"):
        await get(host, tmp_path, tokens=tokens)
    monkeypatch.setenv("OUR_TOKEN", TOKEN)
    started: list[tuple[str, ...]] = []
    start = asyncio.create_subprocess_exec

    async def spy(*words: str, **options: Any) -> asyncio.subprocess.Process:
        started.append(words)
        return await start(*words, **options)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", spy)
    fetched = await get(host, tmp_path, tokens=tokens)
    assert len(started) == 1
    written = [path.read_bytes() for path in fetched.folder.rglob("*") if path.is_file()]
    printed = capfd.readouterr()
    for secret in (TOKEN, host.authorization.removeprefix("Basic ")):
        assert all(secret.encode() not in content for content in written)
        assert secret not in f"{started} {printed.out} {printed.err}"
    monkeypatch.setenv("OUR_TOKEN", f"wrong-{TOKEN}")
    with pytest.raises(SourceError) as caught:
        await get(host, tmp_path, tokens=tokens)
    assert TOKEN not in f"{caught.value} {caught.value.remedy}"


async def test_a_redirect_is_not_followed_with_or_without_a_token(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUR_TOKEN", TOKEN)
    with a_host(tmp_path / "served") as other:
        host.mode, host.elsewhere = "redirect", other.url
        with pytest.raises(SourceError) as caught:
            await get(host, tmp_path, tokens={"127.0.0.1": "OUR_TOKEN"})
        assert other.seen == []
    assert "give the URL that it sends to" in caught.value.remedy


def test_a_token_is_not_sent_where_it_can_be_read() -> None:
    settings = FollowSettings(protocols=ALL, tokens={"example.org": "OUR_TOKEN"})
    with pytest.raises(SourceError, match="never sent over http"):
        remoting._token(remote_of("http://example.org/x", ALL), settings)
    assert remoting._token(remote_of("git@example.org:x/y", ALL), settings) is None


@pytest.mark.parametrize(("mode", "limits", "reason"), [
    ("endless", {"max_mb": 8}, "follow.max_mb"),
    ("flood", {"timeout_s": 1.0}, "longer than 1 s"),
    ("silent", {"timeout_s": 1.0}, "longer than 1 s"),
])  # fmt: skip
async def test_a_server_without_an_end_is_cut_off(
    host: Host, shop: Path, tmp_path: Path, mode: str, limits: dict[str, Any], reason: str
) -> None:
    before = await get(host, tmp_path)
    put(shop, {"a.py": "x = 3\n"})
    commit(shop)
    host.mode = mode
    with pytest.raises(SourceError, match=reason):
        await get(host, tmp_path, **limits)
    assert size_of(before.folder) < 2 << 20, "what was cut off does not stay"
    assert tree_of(before) == {"a.py", "big.py"}, "and what was there is there still"


async def test_what_is_too_large_is_cut_off(host: Host, shop: Path, tmp_path: Path) -> None:
    noise = b"".join(index.to_bytes(4, "big") * 2 for index in range(1 << 17))
    for number in range(8):
        (shop / f"n{number}.py").write_bytes(bytes(a ^ (number * 37 + a) % 251 for a in noise[: 900 * 1024]))
    (shop / "random.bin").write_bytes(bytes((n * n * 2654435761 >> 13) & 255 for n in range(1_000_000)))
    commit(shop)
    with pytest.raises(SourceError, match=r"follow\.max_mb"):
        await get(host, tmp_path, max_mb=1)


async def test_nothing_that_comes_along_is_run(
    host: Host, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sprung = tmp_path / "sprung"
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {sprung}\n")
    trap.chmod(0o755)
    template = tmp_path / "template"
    for hook in ("reference-transaction", "post-checkout", "post-merge"):
        put(template, {f"hooks/{hook}": trap.read_text()})
        (template / "hooks" / hook).chmod(0o755)
    for name, value in {
        "GIT_TEMPLATE_DIR": str(template), "GIT_ASKPASS": str(trap), "GIT_SSH_COMMAND": str(trap), "GIT_TRACE": "1",
        "GIT_PROXY_COMMAND": str(trap),
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    put(shop, {
        ".gitmodules": f'[submodule "x"]\n\tpath = sub\n\turl = ext::sh -c {trap}\n\tupdate = !{trap}\n',
        ".gitattributes": "*.py filter=lfs\n", ".lfsconfig": "[lfs]\n\turl = http://127.0.0.1:1\n",
    })  # fmt: skip
    (shop / "out.py").symlink_to("/etc/passwd")
    (shop / "folder").symlink_to("/etc")
    git(shop, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    commit(shop)
    fetched = await get(host, tmp_path)
    seen = scan_commit(fetched.folder, fetched.commit, {}, INDEX)
    assert [entry.path for entry in seen.to_read] == ["a.py"]
    assert {file.path for file in seen.skipped} == {"out.py", "big.py"}
    assert not sprung.exists()


async def test_one_fetch_at_a_time(host: Host, tmp_path: Path) -> None:
    fetched = await get(host, tmp_path)
    with filelock.FileLock(f"{fetched.folder}.lock"), pytest.raises(SourceError, match="another process"):
        await get(host, tmp_path)


async def test_a_clone_that_has_grown_is_made_anew(host: Host, tmp_path: Path) -> None:
    fetched = await get(host, tmp_path)
    (fetched.folder / "old").write_bytes(b"\1" * (7 << 20))
    assert (await get(host, tmp_path, max_mb=8)).commit == fetched.commit
    assert not (fetched.folder / "old").exists()


@pytest.mark.parametrize(("url", "protocol", "on", "name"), [
    ("https://example.org/team/shop.git", "https", "example.org", "shop"),
    ("https://Example.org:8443/shop/", "https", "example.org:8443", "shop"),
    ("ssh://git@example.org:2222/team/shop", "ssh", "example.org:2222", "shop"),
    ("git@example.org:team/shop.git", "ssh", "example.org", "shop"),
    ("https://[::1]:8080/a/b.c", "https", "[::1]:8080", "b.c"),
])  # fmt: skip
def test_urls(url: str, protocol: str, on: str, name: str) -> None:
    found = remote_of(url, ("https", "ssh"))
    assert (found.url, found.protocol, found.host, found.name) == (url, protocol, on, name)
    assert looks_remote(url)


@pytest.mark.parametrize(("url", "why"), [
    ("http://example.org/x", "protocol 'http' is not used; allowed: https, ssh"),
    ("git://example.org/x", "protocol 'git'"),
    ("file:///etc", "protocol 'file'"),
    ("ext::sh -c id", "blanks"),
    ("ext::sh", "protocol 'ext'"),
    ("https://ada:hunter2@example.org/x", "names and passwords"),
    ("https://hunter2@example.org/x", "names and passwords"),
    ("ssh://git:hunter2@example.org/x", "names and passwords"),
    ("https://example.org/x?token=hunter2", "with \\? or #"),
    ("https://-oProxyCommand=x/y", "not the URL"),
    ("ssh://-oProxyCommand=x/y", "not the URL"),
    ("https:///x", "not the URL"),
    ("https://example.org/", "not the URL"),
    ("https://example.org:x/y", "no URL"),
    ("https://exa\nmple.org/y", "blanks"),
])  # fmt: skip
def test_urls_that_are_not_used(url: str, why: str) -> None:
    with pytest.raises(SourceError, match=why) as caught:
        remote_of(url, ("https", "ssh"))
    assert "hunter2" not in f"{caught.value} {caught.value.remedy}"


@pytest.mark.parametrize(
    "ref", ["", "-x", "a..b", "a:b", "a b", "@{-1}", "a~1", "x.lock", "a//b", "refs/heads/*", "+a"]
)
def test_refs_that_are_none(ref: str) -> None:
    with pytest.raises(SourceError):
        checked_ref(ref)
    assert checked_ref("feature/x-1.2_y") == "feature/x-1.2_y"

"""Downloads of the directory from a server that has every bad habit."""

from __future__ import annotations

import hashlib
import io
import json
import socket
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rxindex.cli.ndc import ndc_app
from rxindex.errors import (
    ConfigurationError,
    SourceAccessDenied,
    SourceDataError,
    SourceNotFound,
    SourceUnavailable,
)
from rxindex.source.ndc_fetch import Fetched, fetch_directory
from rxindex.source.ndc_files import PACKAGE_COLUMNS, PRODUCT_COLUMNS

DATE = "Mon, 23 Nov 2026 10:00:00 GMT"


def archive(product: str = "x", names: tuple[str, str] = ("product.txt", "package.txt")) -> bytes:
    """A small zip with the directory's columns; the filling makes it a few chunks long."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as zipped:
        for name, wanted in zip(names, (PRODUCT_COLUMNS, PACKAGE_COLUMNS), strict=True):
            header = "\t".join((*wanted[0], *wanted[1]))
            zipped.writestr(name, header + "\r\n" + (product * 100 + "\r\n") * 2_000)
    return made.getvalue()


@dataclass
class Site:
    """What the server has, how it behaves, and what it was asked."""

    url: str = ""
    body: bytes = b""
    etag: str = '"one"'
    date: str = ""
    #: Statuses to answer before it behaves; a number below 100 cuts the body after its tenths.
    trouble: list[int] = field(default_factory=list)
    ranges: bool = True
    wrong_range: bool = False
    asked: list[dict[str, str]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    """A file server with ranges and conditions."""

    site: Site
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def do_GET(self) -> None:
        site = self.site
        site.asked.append(dict(self.headers.items()))
        trouble = site.trouble.pop(0) if site.trouble else 0
        path = self.path.partition("?")[0]
        if path == "/moved.zip":
            return self.answer(302, b"", {"Location": "/ndctext.zip"})
        if path != "/ndctext.zip":
            return self.answer(404, b"no such page")
        if trouble >= 100:
            return self.answer(trouble, b"trouble", {"Retry-After": "0"})
        version = {"ETag": site.etag} if site.etag else {}
        version |= {"Last-Modified": site.date} if site.date else {}
        if (site.etag and self.headers.get("If-None-Match") == site.etag) or (
            site.date and self.headers.get("If-Modified-Since") == site.date
        ):
            return self.answer(304, None, version)
        status, body = 200, site.body
        wanted = self.headers.get("Range", "")
        if site.ranges and wanted and self.headers.get("If-Range") in (site.etag, site.date):
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                return self.answer(416, b"")
            first = start + 1 if site.wrong_range else start
            version["Content-Range"] = f"bytes {first}-{len(body) - 1}/{len(body)}"
            status, body = 206, body[start:]
        self.answer(status, body, version, cut=trouble)

    def answer(
        self,
        status: int,
        body: bytes | None,
        headers: dict[str, str] | None = None,
        cut: int = 0,
    ) -> None:
        self.site.statuses.append(status)
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if body is not None:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if body is not None:
            self.wfile.write(body[: len(body) * cut // 10] if cut else body)
        if cut:
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)


class Server(ThreadingHTTPServer):
    """Expects its clients to hang up."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of connections that were cut on purpose."""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    # A proxy of this machine has no business with a server on it.
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    here = Site(body=archive())
    server = Server(("127.0.0.1", 0), type("Bound", (Handler,), {"site": here}))
    here.url = f"http://127.0.0.1:{server.server_port}/ndctext.zip"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield here
    server.shutdown()
    thread.join()
    server.server_close()


def fetch(site: Site, to: Path, **options: object) -> Fetched:
    return fetch_directory(to, site.url, pause=0.001, **options)  # type: ignore[arg-type]


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_directory_is_downloaded_with_its_checksum(site: Site, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    done = fetch(site, tmp_path / "new", progress=lambda have, total: seen.append((have, total)))

    path = tmp_path / "new" / "ndctext.zip"
    assert path.read_bytes() == site.body
    assert done == Fetched(
        path=str(path), url=site.url, sha256=digest(site.body), size=len(site.body), etag='"one"'
    )
    assert names(path.parent) == {"ndctext.zip", "ndctext.zip.json"}
    assert json.loads((path.parent / "ndctext.zip.json").read_text())["sha256"] == done.sha256
    assert seen[0] == (0, len(site.body))
    assert seen[-1] == (len(site.body), len(site.body))


def test_a_file_name_is_taken_as_it_is_and_redirects_are_followed(
    site: Site, tmp_path: Path
) -> None:
    done = fetch_directory(tmp_path / "fda.zip", site.url.replace("ndctext", "moved"))

    assert done.path == str(tmp_path / "fda.zip")
    assert (tmp_path / "fda.zip").read_bytes() == site.body


@pytest.mark.parametrize(("etag", "date"), [('"one"', ""), ("", DATE), ('W/"one"', DATE)])
def test_what_has_not_changed_is_not_sent_again(
    site: Site, tmp_path: Path, etag: str, date: str
) -> None:
    site.etag, site.date = etag, date
    first = fetch(site, tmp_path)
    second = fetch(site, tmp_path)

    assert (first.changed, second.changed) == (True, False)
    assert second.sha256 == first.sha256
    assert site.statuses == [200, 304]


def test_what_changed_is(site: Site, tmp_path: Path) -> None:
    fetch(site, tmp_path)
    site.body, site.etag = archive("y"), '"two"'
    done = fetch(site, tmp_path)

    assert done.changed
    assert (tmp_path / "ndctext.zip").read_bytes() == site.body


def test_force_and_a_damaged_or_missing_copy_ask_for_the_whole_file(
    site: Site, tmp_path: Path
) -> None:
    fetch(site, tmp_path)
    assert fetch(site, tmp_path, force=True).changed
    (tmp_path / "ndctext.zip").write_bytes(b"damaged")
    assert fetch(site, tmp_path).changed
    (tmp_path / "ndctext.zip").unlink()
    assert fetch(site, tmp_path).changed
    assert site.statuses == [200] * 4


def test_a_cut_transfer_goes_on_where_it_ended(site: Site, tmp_path: Path) -> None:
    site.trouble = [4, 5]
    done = fetch(site, tmp_path)

    assert site.statuses == [200, 206, 206]
    assert site.asked[1]["If-Range"] == '"one"'
    assert done.resumed > 0
    assert (tmp_path / "ndctext.zip").read_bytes() == site.body


def test_a_later_call_goes_on_too(site: Site, tmp_path: Path) -> None:
    site.trouble = [5]
    with pytest.raises(SourceUnavailable, match="bytes are kept; run the same command again"):
        fetch(site, tmp_path, attempts=1)
    kept = (tmp_path / "ndctext.zip.part").stat().st_size
    done = fetch(site, tmp_path)

    assert done.resumed == kept > 0
    assert site.statuses == [200, 206]
    assert names(tmp_path) == {"ndctext.zip", "ndctext.zip.json"}


def test_a_transfer_is_not_continued_with_another_file(site: Site, tmp_path: Path) -> None:
    site.trouble = [5]
    with pytest.raises(SourceUnavailable):
        fetch(site, tmp_path, attempts=1)
    site.body, site.etag = archive("z"), '"two"'
    done = fetch(site, tmp_path)

    assert done.resumed == 0
    assert site.statuses == [200, 200]
    assert (tmp_path / "ndctext.zip").read_bytes() == site.body


def test_a_server_without_ranges_sends_all_of_it_again(site: Site, tmp_path: Path) -> None:
    site.ranges, site.trouble = False, [5]
    fetch(site, tmp_path)

    assert site.statuses == [200, 200]
    assert (tmp_path / "ndctext.zip").read_bytes() == site.body


def test_a_range_that_was_not_asked_for_is_not_appended(site: Site, tmp_path: Path) -> None:
    site.trouble, site.wrong_range = [5], True
    fetch(site, tmp_path)

    assert site.statuses == [200, 206, 200]
    assert (tmp_path / "ndctext.zip").read_bytes() == site.body


def test_a_transfer_that_was_whole_already_begins_anew(site: Site, tmp_path: Path) -> None:
    site.trouble = [5]
    with pytest.raises(SourceUnavailable):
        fetch(site, tmp_path, attempts=1)
    (tmp_path / "ndctext.zip.part").write_bytes(site.body)
    fetch(site, tmp_path)

    assert site.statuses == [200, 416, 200]
    assert (tmp_path / "ndctext.zip").read_bytes() == site.body


def test_a_server_in_trouble_is_asked_again(site: Site, tmp_path: Path) -> None:
    site.trouble = [503, 429, 500]
    fetch(site, tmp_path)

    assert site.statuses == [503, 429, 500, 200]


def test_a_server_that_stays_in_trouble_is_given_up(site: Site, tmp_path: Path) -> None:
    site.trouble = [503] * 3
    with pytest.raises(SourceUnavailable, match=r"answered 503 .*3 times in a row"):
        fetch(site, tmp_path, attempts=3)
    assert names(tmp_path) == set()


def test_nobody_listening_is_unavailable(site: Site, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        site.url = f"http://127.0.0.1:{free.getsockname()[1]}/ndctext.zip"
        with pytest.raises(SourceUnavailable, match="ConnectError"):
            fetch(site, tmp_path, attempts=2)


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, SourceNotFound), (403, SourceAccessDenied), (400, SourceDataError)],
)
def test_a_refusal_is_not_repeated(
    site: Site, tmp_path: Path, status: int, error: type[Exception]
) -> None:
    site.trouble = [status]
    with pytest.raises(error, match=f"answered {status}"):
        fetch(site, tmp_path)
    assert site.statuses == [status]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<!DOCTYPE html><html>Maintenance</html>", "is a web page"),
        (b"not a zip at all", "not a whole zip"),
        (archive()[:-30], "not a whole zip"),
        (archive().replace(b"xxxxx", b"xxxxy", 1), "not a whole zip"),
        (archive(names=("product.txt", "other.txt")), r"has no package\.txt"),
        (archive().replace(b"NDCPACKAGECODE", b"NDCPACKAGECOKE"), "no column NDCPACKAGECODE|zip"),
    ],
    # Names of their own: bytes of a zip hold the time, and workers have to collect alike.
    ids=["web-page", "no-zip", "cut", "damaged", "other-file", "other-column"],
)
def test_what_is_not_the_directory_leaves_the_old_file(
    site: Site, tmp_path: Path, body: bytes, reason: str
) -> None:
    fetch(site, tmp_path)
    good = site.body
    site.body, site.etag = body, '"bad"'
    with pytest.raises(SourceDataError, match=rf"(?s){reason}.*left as it was"):
        fetch(site, tmp_path)

    assert (tmp_path / "ndctext.zip").read_bytes() == good
    assert names(tmp_path) == {"ndctext.zip", "ndctext.zip.json"}
    site.body, site.etag = good, '"one"'
    assert not fetch(site, tmp_path).changed


def test_the_expected_checksum_is_compared(site: Site, tmp_path: Path) -> None:
    with pytest.raises(SourceDataError, match="expected 0000"):
        fetch(site, tmp_path, sha256="0" * 64)
    assert names(tmp_path) == set()
    fetch(site, tmp_path, sha256=digest(site.body).upper())
    with pytest.raises(SourceDataError, match="is the current file"):
        fetch(site, tmp_path, sha256="0" * 64)
    with pytest.raises(ConfigurationError, match="64 hexadecimal digits"):
        fetch(site, tmp_path, sha256="abc")


def test_a_secret_in_the_url_is_sent_but_never_shown(site: Site, tmp_path: Path) -> None:
    host = site.url.removeprefix("http://")
    site.url = f"http://reader:s3cret@{host}?signature=s3cret"
    site.trouble = [0, 404]
    done = fetch(site, tmp_path)

    assert site.asked[0]["Authorization"].startswith("Basic ")
    assert "s3cret" not in repr(done)
    assert "s3cret" not in (tmp_path / "ndctext.zip.json").read_text()
    with pytest.raises(SourceNotFound) as caught:
        fetch(site, tmp_path)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["ftp://host/ndctext.zip", "ndctext.zip", "http://[/x.zip", "http:///x.zip"]
)
def test_a_url_that_is_none_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigurationError, match="no http or https URL"):
        fetch_directory(tmp_path, url)


def test_a_folder_that_can_not_be_made_is_refused(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigurationError, match="can't be written"):
        fetch(site, tmp_path / "file" / "deeper")


def test_the_command_downloads_and_says_so(site: Site, tmp_path: Path) -> None:
    command = ["fetch", "--url", site.url, "--to", str(tmp_path / "data")]
    first = CliRunner().invoke(ndc_app, command)
    second = CliRunner().invoke(ndc_app, [*command, "--json"])
    site.url = site.url.replace("ndctext", "nothing")
    third = CliRunner().invoke(ndc_app, ["fetch", "--url", site.url, "--to", str(tmp_path)])

    assert first.exit_code == 0
    assert f"SHA-256 {digest(site.body)}" in first.stdout
    assert second.exit_code == 0
    assert json.loads(second.stdout)["changed"] is False
    assert third.exit_code == 4
    assert "SourceNotFound" in third.stderr


def test_the_command_s_default_is_the_data_folder(site: Site, tmp_path: Path) -> None:
    result = CliRunner().invoke(ndc_app, ["fetch", "--url", site.url, "--json"])

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["path"].startswith(str(tmp_path / "share"))

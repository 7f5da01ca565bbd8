"""Downloads the current FDA NDC Directory, never half and never twice.

Beside the zip lies a small JSON file with what the server said about it (ETag, Last-Modified) and
its SHA-256: the next call asks for the file only if it changed. A transfer that breaks off stays as
``.part`` and is continued, in the same call or a later one, if the server still has the same file
(``If-Range``). The old zip is replaced, in one step, only by a zip that was read to its end and
holds both files with the columns that rxindex needs.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from rxindex import __version__
from rxindex.errors import (
    ConfigurationError,
    MissingExtra,
    SourceAccessDenied,
    SourceDataError,
    SourceNotFound,
    SourceUnavailable,
)
from rxindex.source.ndc_files import check_directory

if TYPE_CHECKING:
    import httpx

__all__ = ["DIRECTORY_URL", "Fetched", "fetch_directory"]

#: Where the FDA publishes the directory, anew on every working day.
DIRECTORY_URL = "https://www.accessdata.fda.gov/cder/ndctext.zip"

#: Seconds to connect, and to wait for the next bytes.
_CONNECT_TIMEOUT = 15.0
_READ_TIMEOUT = 60.0
#: Seconds. No server's Retry-After, and no back-off, makes us wait longer at once.
_LONGEST_PAUSE = 60.0
_CHUNK = 1 << 16


class Fetched(msgspec.Struct, frozen=True):
    """What a download came to.

    Attributes:
        path: the zip.
        url: where it came from, without user, password and query.
        sha256: its checksum, 64 hexadecimal digits.
        size: its bytes.
        changed: False if the server had nothing newer.
        resumed: bytes that an earlier, broken transfer had left and that were kept.
        etag: the server's version of it, or empty.
        last_modified: the server's date of it, or empty.
    """

    path: str
    url: str
    sha256: str
    size: int
    changed: bool = True
    resumed: int = 0
    etag: str = ""
    last_modified: str = ""


class _Version(msgspec.Struct):
    """What the server said about a file."""

    url: str
    etag: str = ""
    last_modified: str = ""
    sha256: str = ""
    size: int = 0

    @property
    def validator(self) -> str:
        """What ``If-Range`` may carry: weak ETags are not allowed there (RFC 9110, 13.1.5)."""
        return self.last_modified if self.etag.startswith("W/") else self.etag or self.last_modified


class _TryAgain(Exception):
    """The transfer failed in a way that may pass."""

    def __init__(self, reason: str, pause: float | None = None) -> None:
        super().__init__(reason)
        self.pause = pause


def fetch_directory(
    to: Path,
    url: str = DIRECTORY_URL,
    *,
    sha256: str | None = None,
    force: bool = False,
    progress: Callable[[int, int | None], None] | None = None,
    attempts: int = 5,
    pause: float = 1.0,
) -> Fetched:
    """Download the directory to ``to``, if there is a newer one.

    Args:
        to: the zip file, or a folder for it; made if it does not exist. A name without ``.zip``
            is a folder's.
        url: where it is published (http or https).
        sha256: the checksum that it must have, hexadecimal, or None.
        force: download it whole even if nothing changed.
        progress: called with the bytes there are and the bytes there will be, if known.
        attempts: how often to try in a row without getting any further.
        pause: seconds before the second attempt; doubled before each further one.

    Raises:
        ConfigurationError: the URL or the checksum is not one, or the folder can't be written.
        MissingExtra: httpx is not installed.
        SourceNotFound: the server has no such file.
        SourceAccessDenied: the server refuses.
        SourceUnavailable: it does not answer, or hangs up, again and again.
        SourceDataError: what came is not the directory, or has another checksum; the old file
            is left as it is.
    """
    try:
        import httpx
    except ImportError as error:
        raise MissingExtra("a download needs httpx: pip install 'rxindex[ndc]'") from error
    expected = _checksum(sha256)
    path = _zip_path(to, _shown(url))
    timeout = httpx.Timeout(_READ_TIMEOUT, connect=_CONNECT_TIMEOUT)
    # Bytes as they are on the server: ranges and lengths count those.
    headers = {"User-Agent": f"rxindex/{__version__}", "Accept-Encoding": "identity"}
    with (
        _writable(path),
        httpx.Client(timeout=timeout, headers=headers, follow_redirects=True) as client,
    ):
        transfer = _Transfer(client, path, url, force, progress)
        fresh = _persist(transfer, attempts, pause)
        return transfer.finish(expected) if fresh else transfer.unchanged(expected)


def _persist(transfer: _Transfer, attempts: int, pause: float) -> bool:
    """Transfer until it is done, or until nothing moves any more."""
    failures = 0
    while True:
        before = transfer.size()
        try:
            return transfer.run()
        except _TryAgain as error:
            failures = 1 if transfer.size() > before else failures + 1
            if failures >= attempts:
                raise SourceUnavailable(
                    f"{transfer.url} could not be downloaded: {error}, {failures} times in a row. "
                    f"{transfer.size():,} bytes are kept; run the same command again to go on"
                ) from error
            wait = error.pause if error.pause is not None else pause * 2 ** (failures - 1)
            time.sleep(min(wait, _LONGEST_PAUSE))


class _Transfer:
    """One download: its files, and one request at a time."""

    def __init__(
        self,
        client: httpx.Client,
        path: Path,
        url: str,
        force: bool,
        progress: Callable[[int, int | None], None] | None,
    ) -> None:
        self.url = _shown(url)
        self._address = url
        self._client = client
        self._path = path
        self._state = path.with_name(path.name + ".json")
        self._part = path.with_name(path.name + ".part")
        self._part_state = path.with_name(path.name + ".part.json")
        self._progress = progress or (lambda done, total: None)
        self._resumed = 0
        self._known = None if force else self._known_version()
        if force:
            self._drop_part()

    def size(self) -> int:
        """Count the bytes of the unfinished transfer."""
        return self._part.stat().st_size if self._part.exists() else 0

    def run(self) -> bool:
        """Ask once, and take what comes. False if the server has nothing newer.

        Raises:
            _TryAgain: it did not come whole.
            SourceError: it never will.
        """
        import httpx

        begun = _read_version(self._part_state, self.url)
        if begun is None or not begun.validator:
            self._drop_part()
        have = self.size()
        try:
            headers = self._conditions(begun, have)
            with self._client.stream("GET", self._address, headers=headers) as response:
                if response.status_code == httpx.codes.NOT_MODIFIED and self._known:
                    self._drop_part()
                    return False
                self._check(response)
                if response.status_code == httpx.codes.PARTIAL_CONTENT:
                    self._resume(response, have)
                else:
                    self._begin(response)
                self._receive(response, self.size())
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise ConfigurationError(f"{self.url} is no http or https URL: {error}") from error
        except httpx.TooManyRedirects as error:
            raise SourceDataError(f"{self.url} redirects in a circle") from error
        except httpx.TransportError as error:
            raise _TryAgain(f"{type(error).__name__}: {error}".rstrip(": ")) from error
        return True

    def finish(self, expected: str) -> Fetched:
        """Check what came, and put it in the old file's place."""
        digest = _digest(self._part)
        version = _read_version(self._part_state, self.url) or _Version(self.url)
        try:
            if expected and digest != expected:
                raise SourceDataError(
                    f"{self.url} has the SHA-256 {digest}, expected {expected}; {self._kept()}"
                )
            self._verify()
        except SourceDataError:
            self._drop_part()
            raise
        version.sha256, version.size = digest, self.size()
        with self._part.open("rb+") as file:
            os.fsync(file.fileno())
        self._part.replace(self._path)
        _write_version(self._state, version)
        self._drop_part()
        return self._fetched(version, changed=True)

    def unchanged(self, expected: str) -> Fetched:
        """Give what is there already."""
        version = self._known or _Version(self.url)
        if expected and version.sha256 != expected:
            raise SourceDataError(
                f"{self._path} is the current file of {self.url} and has the SHA-256 "
                f"{version.sha256}, expected {expected}"
            )
        return self._fetched(version, changed=False)

    def _fetched(self, version: _Version, changed: bool) -> Fetched:
        return Fetched(
            path=str(self._path), url=self.url, sha256=version.sha256, size=version.size,
            changed=changed, resumed=self._resumed if changed else 0, etag=version.etag,
            last_modified=version.last_modified,
        )  # fmt: skip

    def _known_version(self) -> _Version | None:
        """What the server said about the zip that is there, if this is still that zip."""
        version = _read_version(self._state, self.url)
        if version is None or not self._path.is_file():
            return None
        return version if _digest(self._path) == version.sha256 else None

    def _conditions(self, begun: _Version | None, have: int) -> dict[str, str]:
        headers = {}
        if self._known and self._known.etag:
            headers["If-None-Match"] = self._known.etag
        elif self._known and self._known.last_modified:
            headers["If-Modified-Since"] = self._known.last_modified
        if begun and have:
            headers["Range"] = f"bytes={have}-"
            headers["If-Range"] = begun.validator
        return headers

    def _check(self, response: httpx.Response) -> None:
        status = response.status_code
        said = f"{self.url} answered {status} {response.reason_phrase}".rstrip()
        if status in {200, 206}:
            return
        if status == 416:
            # Nothing is left behind where the unfinished transfer ends: it is not of this file.
            self._drop_part()
            raise _TryAgain(said, 0.0)
        if status in {408, 425, 429} or status >= 500:
            after = response.headers.get("Retry-After", "")
            raise _TryAgain(said, float(after) if after.isdigit() else None)
        if status in {401, 403, 407}:
            raise SourceAccessDenied(f"{said}: it refuses this download")
        if status in {404, 410}:
            raise SourceNotFound(
                f"{said}: give the directory's address with --url (see the FDA's page 'National "
                "Drug Code Directory')"
            )
        raise SourceDataError(f"{said}: this is no download")

    def _begin(self, response: httpx.Response) -> None:
        self._drop_part()
        self._resumed = 0
        headers = response.headers
        version = _Version(self.url, headers.get("ETag", ""), headers.get("Last-Modified", ""))
        _write_version(self._part_state, version)

    def _resume(self, response: httpx.Response, have: int) -> None:
        if not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            self._drop_part()
            raise _TryAgain(f"{self.url} answered with another range than was asked for", 0.0)
        if not self._resumed:
            self._resumed = have

    def _receive(self, response: httpx.Response, have: int) -> None:
        length = response.headers.get("Content-Length", "")
        total = have + int(length) if length.isdigit() else None
        self._progress(have, total)
        with self._part.open("ab") as file:
            for chunk in response.iter_raw(_CHUNK):
                file.write(chunk)
                have += len(chunk)
                self._progress(have, total)
        if total is not None and have != total:
            raise _TryAgain(f"{have:,} of {total:,} bytes came")

    def _verify(self) -> None:
        with self._part.open("rb") as file:
            start = file.read(256).lstrip().lower()
        if start.startswith((b"<!doctype", b"<html", b"<?xml")):
            raise SourceDataError(
                f"{self.url} is a web page, not the NDC Directory's zip (a proxy's, or the FDA's "
                f"site is under maintenance); {self._kept()}"
            )
        try:
            check_directory(self._part)
        except SourceDataError as error:
            raise SourceDataError(
                f"what came from {self.url} is not the NDC Directory ({error}); {self._kept()}"
            ) from error

    def _kept(self) -> str:
        if self._path.exists():
            return f"{self._path} is left as it was"
        return "nothing was kept"

    def _drop_part(self) -> None:
        self._part.unlink(missing_ok=True)
        self._part_state.unlink(missing_ok=True)


def _checksum(text: str | None) -> str:
    if text is None:
        return ""
    digits = text.strip().lower()
    if len(digits) != 64 or set(digits) - set("0123456789abcdef"):
        raise ConfigurationError(f"{text!r} is no SHA-256: give 64 hexadecimal digits")
    return digits


def _shown(url: str) -> str:
    """Give the URL without user, password and query, which may be secret.

    Raises:
        ConfigurationError: it is no http or https URL.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is None or parts.scheme not in {"http", "https"}:
        raise ConfigurationError("what was given is no http or https URL: give https://host/path")
    where = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{where}{f':{port}' if port else ''}{parts.path}"


def _zip_path(to: Path, shown: str) -> Path:
    if to.suffix.lower() == ".zip" and not to.is_dir():
        return to
    name = PurePosixPath(urlsplit(shown).path).name
    return to / (name if name.lower().endswith(".zip") else "ndctext.zip")


@contextmanager
def _writable(path: Path) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise ConfigurationError(
            f"the download can't be written to {path}: {error.strerror or error}"
        ) from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_version(path: Path, url: str) -> _Version | None:
    """Read what is known of a file from ``url``; nothing if it is of another, or unreadable."""
    try:
        version = msgspec.json.decode(path.read_bytes(), type=_Version)
    except (OSError, msgspec.MsgspecError):
        return None
    return version if version.url == url else None


def _write_version(path: Path, version: _Version) -> None:
    new = path.with_name(path.name + ".new")
    new.write_bytes(msgspec.json.encode(version))
    new.replace(path)

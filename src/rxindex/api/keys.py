"""API keys: who may ask. A file holds their hashes, never the keys themselves.

A key is 256 random bits, so a plain SHA-256 of it is safe at rest. Slow hashes (scrypt, Argon2)
make guessing dear where people choose what is guessed; nobody guesses 256 bits at any speed, and a
slow hash would cost every request what it should cost an attacker.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import hmac
import logging
import os
import re
import secrets
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from rxindex.errors import ConfigurationError

__all__ = ["ApiKey", "KeyRing", "add_key", "read_keys", "revoke_key"]

#: What keys begin with, so that scanners for leaked secrets can find them.
_PREFIX = "rx_"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_HASH = re.compile(r"[0-9a-f]{64}")

_log = logging.getLogger(__name__)


class ApiKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A key, as the file holds it.

    Attributes:
        name: who has it; 1 to 64 letters, digits and ``._@-``.
        sha256: of the key, as 64 hexadecimal digits.
        created: when it was made, ISO 8601 in UTC.
        requests_per_minute: how many requests it may make; None for the service's own setting.
    """

    name: str
    sha256: str
    created: str
    requests_per_minute: int | None = None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keys: tuple[ApiKey, ...] = ()


class KeyRing:
    """The keys of a file, and of what the file becomes while the service runs.

    Args:
        path: the file.

    Raises:
        ConfigurationError: it can't be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._version = _version(path)
        self._keys = _digests(read_keys(path))

    def find(self, key: str) -> ApiKey | None:
        """Find who has a key.

        Each hash is compared, in a time that does not depend on where they differ.
        """
        digest = hashlib.sha256(key.encode(errors="surrogatepass")).digest()
        found = None
        for known, one in self._keys:
            if hmac.compare_digest(known, digest):
                found = one
        return found

    def refresh(self) -> None:
        """Read the file again if it has changed.

        One that can't be read changes nothing: who is half way through an edit must not lock
        everybody out.
        """
        version = _version(self._path)
        if version == self._version:
            return
        try:
            keys = read_keys(self._path)
        except ConfigurationError as error:
            _log.error("the API keys stay as they were: %s", error)
        else:
            self._keys = _digests(keys)
            _log.info("there are %d API keys now", len(keys))
        self._version = version


def read_keys(path: Path) -> tuple[ApiKey, ...]:
    """Read a file of keys.

    Raises:
        ConfigurationError: it is not there, or not one.
    """
    try:
        keys = msgspec.json.decode(path.read_bytes(), type=_File).keys
    except OSError as error:
        raise ConfigurationError(
            f"the API keys in {path} can't be read: {error.strerror}; 'rxindex keys add NAME' "
            "makes the file"
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is no file of API keys: {error}") from error
    for one in keys:
        if not _HASH.fullmatch(one.sha256) or not _NAME.fullmatch(one.name):
            raise ConfigurationError(f"{path}: the key {one.name!r} has a wrong name or hash")
        if one.requests_per_minute is not None and one.requests_per_minute < 1:
            raise ConfigurationError(f"{path}: the key {one.name!r} may make no request at all")
    names = [one.name for one in keys]
    if len(set(names)) < len(names):
        raise ConfigurationError(f"{path} has two keys of one name; revoke one of them")
    return keys


def add_key(path: Path, name: str, requests_per_minute: int | None = None) -> str:
    """Make a key and put its hash into a file, which is made if it is not there.

    Returns:
        The key. It is nowhere else.

    Raises:
        ConfigurationError: there is a key of that name, or the name or the file is none.
    """
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name!r} can't be a key's name: give 1 to 64 letters, digits and ._@-"
        )
    keys = read_keys(path) if path.exists() else ()
    if any(one.name == name for one in keys):
        raise ConfigurationError(f"there is a key {name!r} already; revoke it or take another name")
    key = _PREFIX + secrets.token_urlsafe(32)
    created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    digest = hashlib.sha256(key.encode()).hexdigest()
    made = ApiKey(name, digest, created, requests_per_minute)
    _write(path, (*keys, made))
    return key


def revoke_key(path: Path, name: str) -> None:
    """Take a key's hash out of a file.

    Raises:
        ConfigurationError: there is no key of that name, or the file is none.
    """
    keys = read_keys(path)
    left = tuple(one for one in keys if one.name != name)
    if len(left) == len(keys):
        raise ConfigurationError(f"there is no key {name!r} in {path}")
    _write(path, left)


def _write(path: Path, keys: Sequence[ApiKey]) -> None:
    """Put a file of keys in the place of another in one step, readable for its owner only."""
    content = msgspec.json.format(msgspec.json.encode(_File(tuple(keys))), indent=2)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content + b"\n")
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise ConfigurationError(
            f"the API keys can't be written to {path}: {error.strerror}"
        ) from error


def _digests(keys: Sequence[ApiKey]) -> tuple[tuple[bytes, ApiKey], ...]:
    return tuple((bytes.fromhex(one.sha256), one) for one in keys)


def _version(path: Path) -> tuple[int, int, int]:
    """Give what changes with the file; zeros where there is none."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0, 0
    return found.st_ino, found.st_mtime_ns, found.st_size

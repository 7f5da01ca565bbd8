"""Packs a tree into a zip, the same bytes for the same files."""

from __future__ import annotations

import hashlib
import os
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypedDict

from scripts.lambda_package.errors import BuildFailed

__all__ = ["Addition", "Contents", "Share", "add_files", "read_addition", "shares", "write_zip"]

#: The earliest time that a zip can hold.
_TIME = (1980, 1, 1, 0, 0, 0)
_UNIX, _REGULAR_FILE = 3, 0o100644


@dataclass(frozen=True)
class Addition:
    """A file to put into the zip beside the packages.

    Args:
        name: its path in the zip.
        file: where it is on this computer.
    """

    name: str
    file: Path


@dataclass(frozen=True)
class Contents:
    """What a zip holds.

    Args:
        sha256: of the zip, in hexadecimal.
        content_sha256: of the names and bytes in it: the same where another compressor made
            another zip of the same files.
        zipped: bytes of the zip.
        unzipped: bytes of the files in it.
        files: how many they are.
    """

    sha256: str
    content_sha256: str
    zipped: int
    unzipped: int
    files: int


class Share(TypedDict):
    """A package's part of a zip."""

    name: str
    version: str | None
    zipped_bytes: int
    unzipped_bytes: int


def read_addition(argument: str) -> Addition:
    """Read NAME=PATH.

    Raises:
        BuildFailed: there is no such file, the name does not stay in the zip, or a ``.pem`` holds
            no certificate or something private.
    """
    name, equals, path = argument.partition("=")
    file = Path(path)
    if not equals or not name or not path:
        raise BuildFailed(f"--add takes NAME=PATH, like rds-ca.pem=./global-bundle.pem: {argument}")
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts or not re.fullmatch(r"[\w./-]+", name):
        raise BuildFailed(f"{name!r} is no name of a file in the zip: use a plain one, rds-ca.pem")
    if not file.is_file():
        raise BuildFailed(f"there is no file {file} to add as {name}")
    if parts.suffix == ".pem":
        text = file.read_bytes()
        if b"PRIVATE KEY-----" in text:
            raise BuildFailed(f"{file} holds a private key: it does not belong into a package")
        if b"-----BEGIN CERTIFICATE-----" not in text:
            raise BuildFailed(f"{file} holds no certificate in PEM form: check what was fetched")
    return Addition(str(parts), file)


def add_files(tree: Path, additions: list[Addition]) -> None:
    """Put files into the tree.

    Raises:
        BuildFailed: something of that name is there.
    """
    for one in additions:
        place = tree / one.name
        if place.exists():
            raise BuildFailed(f"the zip has a {one.name} of its own: add the file as another name")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(one.file.read_bytes())


def write_zip(tree: Path, path: Path) -> Contents:
    """Pack a folder's files.

    Their order, times and modes are fixed: the bytes of the zip follow from the names and bytes
    of the files, and from zlib.

    Args:
        tree: folder.
        path: the zip to write, or to write anew.
    """
    names = sorted(
        (one.relative_to(tree).as_posix(), one) for one in tree.rglob("*") if one.is_file()
    )
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        content_sha256, unzipped = _pack(names, partial)
        with partial.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return Contents(sha256, content_sha256, path.stat().st_size, unzipped, len(names))


def _pack(names: Iterable[tuple[str, Path]], path: Path) -> tuple[str, int]:
    """Write the entries; give the hash of their names and bytes, and how many bytes they are."""
    digest = hashlib.sha256()
    unzipped = 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, file in names:
            data = file.read_bytes()
            entry = zipfile.ZipInfo(name, _TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = _UNIX
            entry.external_attr = _REGULAR_FILE << 16
            archive.writestr(entry, data)
            digest.update(f"{name}\0{len(data)}\0".encode() + data)
            unzipped += len(data)
    return digest.hexdigest(), unzipped


def shares(path: Path, owners: Mapping[str, str], versions: Mapping[str, str]) -> list[Share]:
    """Say how large each package in a zip is, the largest first.

    Args:
        path: the zip.
        owners: which package a file or folder at the top belongs to.
        versions: version of each package.
    """
    zipped: dict[str, int] = defaultdict(int)
    unzipped: dict[str, int] = defaultdict(int)
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            top = entry.filename.split("/")[0]
            if top == "__pycache__":  # of a module that is a package of its own
                top = f"{PurePosixPath(entry.filename).name.split('.')[0]}.py"
            name = owners.get(top, top)
            zipped[name] += entry.compress_size
            unzipped[name] += entry.file_size
    return [
        {
            "name": name,
            "version": versions.get(name),
            "zipped_bytes": size,
            "unzipped_bytes": unzipped[name],
        }
        for name, size in sorted(zipped.items(), key=lambda one: (-one[1], one[0]))
    ]

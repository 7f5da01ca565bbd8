"""The two files of the FDA NDC Directory: where they are, and their text as UTF-8.

The FDA publishes a zip with ``product.txt`` and ``package.txt``: tab separated, a header row, no
quoting (a quotation mark is a quotation mark), Windows-1252, CRLF. See the FDA's "NDC Product File
Definitions" and "NDC Package File Definitions".
"""

from __future__ import annotations

import codecs
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from rxindex.errors import SourceAccessDenied, SourceDataError, SourceNotFound

__all__ = [
    "PACKAGE_COLUMNS",
    "PACKAGE_FILE",
    "PRODUCT_COLUMNS",
    "PRODUCT_FILE",
    "check_directory",
    "columns",
    "open_member",
    "recode",
]

PRODUCT_FILE = "product.txt"
PACKAGE_FILE = "package.txt"

#: Needed columns, then optional ones.
PRODUCT_COLUMNS: tuple[Sequence[str], Sequence[str]] = (
    (
        "PRODUCTID", "PRODUCTNDC", "PRODUCTTYPENAME", "PROPRIETARYNAME", "NONPROPRIETARYNAME",
        "DOSAGEFORMNAME", "ROUTENAME", "MARKETINGCATEGORYNAME", "LABELERNAME", "SUBSTANCENAME",
        "ACTIVE_NUMERATOR_STRENGTH", "ACTIVE_INGRED_UNIT",
    ),
    (
        "PROPRIETARYNAMESUFFIX", "PHARM_CLASSES", "DEASCHEDULE", "STARTMARKETINGDATE",
        "ENDMARKETINGDATE",
    ),
)  # fmt: skip
PACKAGE_COLUMNS: tuple[Sequence[str], Sequence[str]] = (
    ("PRODUCTID", "PRODUCTNDC", "NDCPACKAGECODE", "PACKAGEDESCRIPTION"),
    ("STARTMARKETINGDATE", "ENDMARKETINGDATE", "SAMPLE_PACKAGE"),
)

_CHUNK = 1 << 20
#: A header row longer than this is no header row.
_LONGEST_HEADER = 8_192


@contextmanager
def open_member(path: Path, name: str) -> Iterator[IO[bytes]]:
    """Open ``product.txt`` or ``package.txt`` of the directory at ``path``.

    Args:
        path: the zip as the FDA publishes it, or the folder with its files. Case does not count,
            and the files may lie in a subfolder.
        name: `PRODUCT_FILE` or `PACKAGE_FILE`.

    Raises:
        SourceNotFound: there is nothing at ``path``.
        SourceAccessDenied: it may not be read.
        SourceDataError: it is no zip, is damaged, or lacks the file.
    """
    with ExitStack() as stack:
        try:
            if path.is_dir():
                member: IO[bytes] = stack.enter_context(_in_folder(path, name).open("rb"))
            else:
                archive = stack.enter_context(zipfile.ZipFile(path))
                member = stack.enter_context(archive.open(_in_zip(archive, path, name)))
        except FileNotFoundError as error:
            raise SourceNotFound(
                f"{path} does not exist: give the NDC Directory's zip or folder, or download it "
                "with 'rxindex ndc fetch'"
            ) from error
        except PermissionError as error:
            raise SourceAccessDenied(f"{path} may not be read: {error.strerror}") from error
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            raise _damaged(path, error) from error
        try:
            yield member
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> SourceDataError:
    return SourceDataError(
        f"{path} is not a whole zip file ({error}): download it again with "
        "'rxindex ndc fetch --force'"
    )


def _in_folder(folder: Path, name: str) -> Path:
    found = [p for p in folder.rglob("*") if p.name.lower() == name and p.is_file()]
    if not found:
        raise SourceDataError(f"the folder {folder} has no {name}: it is not the NDC Directory")
    return min(found, key=lambda p: (len(p.parts), p))


def _in_zip(archive: zipfile.ZipFile, path: Path, name: str) -> str:
    found = [m for m in archive.namelist() if PurePosixPath(m).name.lower() == name]
    if not found:
        raise SourceDataError(f"the zip {path} has no {name}: it is not the NDC Directory")
    return min(found, key=lambda member: (member.count("/"), member))


def columns(header: str, needed: Sequence[str], optional: Sequence[str], where: str) -> list[int]:
    """Find columns in a header row. Columns that nobody asked for do not matter.

    Args:
        header: the first line.
        needed: names of columns that must be there.
        optional: names of columns that older or newer files may lack.
        where: the file, for messages.

    Returns:
        The position of each needed, then each optional column, from 1; 0 for one that is absent.

    Raises:
        SourceDataError: a needed column is missing; the message names it.
    """
    names = [name.strip().upper() for name in header.split("\t")]
    missing = [name for name in needed if name not in names]
    if missing:
        raise SourceDataError(
            f"{where} has no column {', '.join(missing)} (it has: {', '.join(names)[:300]}): it is "
            "not a file of the FDA NDC Directory, or the FDA changed it"
        )
    return [names.index(name) + 1 if name in names else 0 for name in (*needed, *optional)]


def check_directory(path: Path) -> None:
    """Read the directory at ``path`` to its end, so that a zip's checksums are compared.

    Raises:
        SourceError: see `open_member` and `columns`.
    """
    for name, wanted in ((PRODUCT_FILE, PRODUCT_COLUMNS), (PACKAGE_FILE, PACKAGE_COLUMNS)):
        with open_member(path, name) as member:
            header = member.readline(_LONGEST_HEADER).decode("cp1252", "replace")
            columns(header.removeprefix("\u00ef\u00bb\u00bf"), *wanted, where=f"{name} in {path}")
            while member.read(_CHUNK):
                pass


def recode(source: IO[bytes], target: Path) -> tuple[str, int]:
    """Write the text as UTF-8 with plain line ends, in one pass and constant memory.

    A byte that Windows-1252 does not define becomes U+FFFD; it is not worth a catalogue. A file
    that begins with a UTF-8 byte order mark is read as UTF-8.

    Args:
        source: the file as published.
        target: gets the lines without the header row.

    Returns:
        The header row, and how many bytes were replaced.
    """
    chunk = source.read(_CHUNK)
    encoding = "utf-8-sig" if chunk.startswith(codecs.BOM_UTF8) else "cp1252"
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    header = ""
    replaced = 0
    with target.open("w", encoding="utf-8", newline="") as out:
        in_header = True
        while chunk:
            text = decoder.decode(chunk).replace("\r", "").replace("\0", "")
            replaced += text.count("\ufffd")
            if in_header:
                first, end, text = text.partition("\n")
                header += first
                in_header = not end and len(header) < _LONGEST_HEADER
            out.write(text)
            chunk = source.read(_CHUNK)
    return header, replaced

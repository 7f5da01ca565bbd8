"""What flows through: source rows, the drugs assembled from them, and their fingerprints.

The unit is the drug, not the package: a prescriber picks "atorvastatin 20 mg tablet", not one of
three hundred packages of it. A drug's packages live inside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import msgspec

__all__ = [
    "ACTIVE",
    "ID_LENGTH",
    "OBSOLETE",
    "Drug",
    "DrugKind",
    "Package",
    "PackageRow",
    "Status",
    "content_fingerprint",
    "drug_id",
    "fold",
    "ids_in",
    "text_fingerprint",
]

Status = Literal["active", "obsolete"]
DrugKind = Literal["brand", "generic"]
ACTIVE: Status = "active"
OBSOLETE: Status = "obsolete"

#: Part of every content fingerprint. Raise it when a document is written differently for the
#: same drug: every document is then rewritten once, its vector kept.
DOCUMENT_VERSION = 1

_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_BASE32 = [first + second for first in _LETTERS for second in _LETTERS]
_PLACES = range(70, -1, -10)
#: Characters of a drug's id.
ID_LENGTH = 16


class PackageRow(msgspec.Struct, frozen=True, gc=False):
    """One row of a catalogue (one NDC), as every source yields it.

    Rows of one drug arrive in one run of equal ``group`` values; within a group, rows with the
    same ``key`` (after `fold`) are packages of one drug. Text fields are as the source has them,
    outer blanks removed; an absent value is an empty string.

    Attributes:
        group: the value that the source orders by (FDB: the GCN). Also the resume cursor.
        key: what tells the group's drugs apart (FDB: label name, brand, innovator flag).
        ndc: the package's NDC as the source writes it.
        name: label name.
        brand: brand (proprietary) name, empty for a drug sold under its generic name.
        generic: generic name as the source writes it.
        ingredients: active substances, as the source writes them.
        strength: strength for display, for example ``20 mg`` or ``10 mg; 325 mg``.
        form: dosage form.
        routes: routes of administration.
        classes: class names that the source itself knows.
        indications: indications that the source itself knows.
        schedule: DEA schedule, ``""`` or ``CII`` to ``CV`` (``CI`` for research substances).
        innovator: whether this is the brand product.
        gcn: FDB's clinical formulation number (GCN_SEQNO), or 0.
        labeler: who sells the package.
        size: package size for display, for example ``90`` or ``90 mL``.
        description: what the package is, for example ``1 BOTTLE``.
        start: first marketed or added, ISO date or empty.
        end: marketing end or obsolete date, ISO date or empty; the package counts as obsolete
            from that day on.
    """

    group: tuple[str | int, ...]
    key: tuple[str, ...]
    ndc: str
    name: str
    brand: str = ""
    generic: str = ""
    ingredients: tuple[str, ...] = ()
    strength: str = ""
    form: str = ""
    routes: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    indications: tuple[str, ...] = ()
    schedule: str = ""
    innovator: bool = False
    gcn: int = 0
    labeler: str = ""
    size: str = ""
    description: str = ""
    start: str = ""
    end: str = ""


class Package(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One package (one NDC) of a drug.

    Encoded as an array, since some drugs have thousands of packages.

    Attributes:
        ndc: 11 digits (5-4-2), or 12 (6-4-2) where the labeler code has six digits.
        labeler: who sells it.
        size: package size for display.
        description: what the package is.
        start: first marketed or added, ISO date or empty.
        end: marketing end or obsolete date, ISO date or empty.
        status: ``active`` or ``obsolete``.
    """

    ndc: str
    labeler: str = ""
    size: str = ""
    description: str = ""
    start: str = ""
    end: str = ""
    status: Status = ACTIVE


class Drug(msgspec.Struct, frozen=True, gc=False):
    """What is embedded, indexed and returned by a search.

    Attributes:
        id: 16 letters and digits, stable across runs and machines (see `drug_id`).
        name: label name, for example ``ATORVASTATIN 20 MG TABLET``.
        brand: brand name, or empty.
        generic: generic name.
        ingredients: active ingredients, as the vocabulary or else the source names them.
        strength: strength for display.
        form: dosage form.
        routes: routes of administration.
        classes: of each class its established (EPC style) name and its first spoken one, then
            what the source adds.
        indications: of each its medical name and its first plain words, then what the source
            adds.
        synonyms: other names of the ingredients, abbreviations, and brands of the same substance.
        schedule: DEA schedule, ``""`` or ``CI`` to ``CV``.
        kind: ``brand`` or ``generic``.
        gcn: FDB's clinical formulation number, or 0.
        status: ``obsolete`` if every package is.
        packages: at least one, ordered by NDC.
    """

    id: str
    name: str
    brand: str = ""
    generic: str = ""
    ingredients: tuple[str, ...] = ()
    strength: str = ""
    form: str = ""
    routes: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    indications: tuple[str, ...] = ()
    synonyms: tuple[str, ...] = ()
    schedule: str = ""
    kind: DrugKind = "generic"
    gcn: int = 0
    status: Status = ACTIVE
    packages: tuple[Package, ...] = ()


@lru_cache(maxsize=4_096)
def fold(text: str) -> str:
    """Fold ``text`` for comparison: case, and blanks at the ends or repeated, do not count."""
    return " ".join(text.split()).casefold()


def drug_id(group: Sequence[str | int], key: Sequence[str]) -> str:
    """Give the id of the drug with this group and key.

    The group is hashed as it is, since the source's own ordering already tells groups apart; the
    key is folded, since blanks and case in a label name are accidents of data entry.

    Returns:
        16 characters of ``a-z2-7``: 80 bits, so that a collision among a million drugs has a
        chance below one in a trillion.
    """
    parts = [str(part) for part in group] + [fold(part) for part in key]
    digest = hashlib.blake2b(
        "\x1f".join(parts).encode(errors="surrogatepass"), digest_size=10
    ).digest()
    # Ten bits, two characters, at a time: several times as fast as base64.b32encode.
    number = int.from_bytes(digest, "big")
    return "".join([_BASE32[number >> place & 1023] for place in _PLACES])


def ids_in(text: str) -> list[str]:
    """Give the ids of drugs that are written one behind the other."""
    return [text[start : start + ID_LENGTH] for start in range(0, len(text), ID_LENGTH)]


_encoder = msgspec.msgpack.Encoder()


def content_fingerprint(drug: Drug) -> bytes:
    """Fingerprint everything in the document but its vector.

    Returns:
        12 bytes. Equal exactly when the document would be written with the same fields.
    """
    state = hashlib.blake2b(_encoder.encode(drug), digest_size=12)
    state.update(DOCUMENT_VERSION.to_bytes(2, "big"))
    return state.digest()


def text_fingerprint(text: str, model_id: str) -> bytes:
    """Fingerprint an embedding text together with the model that reads it.

    Args:
        text: the text that is embedded.
        model_id: the embedder's identity, which changes with anything that changes its vectors.

    Returns:
        12 bytes. Equal exactly when the vector would be the same.
    """
    return hashlib.blake2b(f"{model_id}\x1f{text}".encode(), digest_size=12).digest()

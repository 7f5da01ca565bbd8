"""A drug as a Redis hash, and back.

The vector is not in it: see `rxindex.index.store`.

One hash per drug: JSON costs three to five times the memory. Every field is always written, empty
ones too, so that one HSET replaces a document's whole content in one step.

NDCs are indexed without their last two digits, the package segment: the packages of one product
then share a term, of which each would cost some 190 bytes. Which package is meant is seen in
``packages``.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import msgspec

from rxindex.index.escape import tokens
from rxindex.index.schema import SEPARATOR
from rxindex.index.text_name import text_name
from rxindex.model import Drug, DrugKind, Package, Status

__all__ = ["read_drug", "read_packages", "write_drug"]

_packages_encoder = msgspec.msgpack.Encoder()
_packages_decoder = msgspec.msgpack.Decoder(tuple[Package, ...])


def write_drug(drug: Drug, content: bytes, text: bytes) -> dict[str, str | bytes | int]:
    """Write the drug's hash fields.

    Args:
        drug: the drug; but for the strength, where a semicolon separates those of the
            ingredients, no value of it holds one (`assemble` sees to that).
        content: its content fingerprint.
        text: the fingerprint of its embedding text.
    """
    labelers = dict.fromkeys([one.labeler for one in drug.packages if one.labeler])
    return {
        "name": drug.name,
        "brand": drug.brand,
        "generic": drug.generic,
        "ingredients": SEPARATOR.join(drug.ingredients),
        "strength": drug.strength,
        "form": drug.form,
        "routes": SEPARATOR.join(drug.routes),
        "classes": SEPARATOR.join(drug.classes),
        "indications": SEPARATOR.join(drug.indications),
        "synonyms": SEPARATOR.join(drug.synonyms),
        "terms": _slashed_terms(drug),
        "schedule": drug.schedule,
        "kind": drug.kind,
        "gcn": str(drug.gcn or ""),
        "status": drug.status,
        "labelers": SEPARATOR.join(labelers),
        "products": SEPARATOR.join(dict.fromkeys([one.ndc[:-2] for one in drug.packages])),
        "count": len(drug.packages),
        # Fast setting: the gain of a slower one is a few percent on rows this short.
        "packages": zlib.compress(_packages_encoder.encode(drug.packages), 6),
        "content_fp": content,
        "text_fp": text_name(text),
    }


def read_drug(drug_id: str, fields: Mapping[str, bytes], *, packages: bool = True) -> Drug:
    """Read a drug from its hash fields.

    Args:
        drug_id: its id, which is in the key and not in the hash.
        fields: hash fields by name.
        packages: whether to read the packages; a list of hits does without.
    """

    def text(name: str) -> str:
        return fields.get(name, b"").decode()

    def several(name: str) -> tuple[str, ...]:
        value = text(name)
        return tuple(value.split(SEPARATOR)) if value else ()

    kind: DrugKind = "brand" if text("kind") == "brand" else "generic"
    status: Status = "obsolete" if text("status") == "obsolete" else "active"
    return Drug(
        id=drug_id,
        name=text("name"),
        brand=text("brand"),
        generic=text("generic"),
        ingredients=several("ingredients"),
        strength=text("strength"),
        form=text("form"),
        routes=several("routes"),
        classes=several("classes"),
        indications=several("indications"),
        synonyms=several("synonyms"),
        schedule=text("schedule"),
        kind=kind,
        gcn=int(text("gcn") or 0),
        status=status,
        packages=read_packages(fields["packages"]) if packages else (),
    )


def read_packages(stored: bytes) -> tuple[Package, ...]:
    """Read a document's packages."""
    return _packages_decoder.decode(zlib.decompress(stored))


def _slashed_terms(drug: Drug) -> str:
    """Give the words of the names that hold a slash.

    RediSearch does not split at a slash or an underscore, so ``amlodipine/benazepril`` would be
    one term that nobody types.
    """
    names = (drug.name, drug.brand, drug.generic, *drug.synonyms)
    slashed = (token for name in names if "/" in name or "_" in name for token in tokens(name))
    return " ".join(dict.fromkeys(slashed))

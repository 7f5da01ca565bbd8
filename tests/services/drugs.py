"""A few drugs as a catalogue has them, and the lexicon that an index of them would give."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rxindex.index.document import write_drug
from rxindex.index.lexicon import Lexicon, lexicon_of
from rxindex.model import Drug, Package

__all__ = ["DRUGS", "drug", "lexicon_from"]


def drug(
    name: str,
    generic: str,
    *,
    brand: str = "",
    ingredients: tuple[str, ...] = (),
    packages: int = 1,
    **other: object,
) -> Drug:
    """Make a drug; its one ingredient is its generic name unless others are given."""
    held = tuple(Package(f"{n:011d}", labeler="Teva") for n in range(1, packages + 1))
    fields: dict[str, object] = {
        "id": name.lower().replace(" ", "-"),
        "name": name,
        "brand": brand,
        "generic": generic,
        "ingredients": ingredients or (generic.lower(),),
        "kind": "brand" if brand else "generic",
        "packages": held,
    }
    return Drug(**(fields | other))  # type: ignore[arg-type]


def lexicon_from(drugs: Iterable[Drug]) -> Lexicon:
    """Make the lexicon of drugs, in the way in which an index gives it."""
    return lexicon_of(
        "g1",
        (
            {
                str(name): value.decode() if isinstance(value, bytes) else str(value)
                for name, value in write_drug(one, b"", b"").items()
                if name != "packages"
            }
            for one in drugs
        ),
    )


_ORAL: dict[str, Any] = {"form": "tablet", "routes": ("oral",)}

DRUGS = (
    drug("Atorvastatin Calcium 20 mg tablet", "Atorvastatin Calcium", strength="20 mg",
         ingredients=("atorvastatin",), packages=90, classes=("HMG-CoA Reductase Inhibitor",),
         **_ORAL),
    drug("Lipitor 20 mg tablet", "Atorvastatin Calcium", brand="Lipitor", strength="20 mg",
         ingredients=("atorvastatin",), packages=6, **_ORAL),
    drug("Lisinopril 10 mg tablet", "Lisinopril", strength="10 mg", packages=300, **_ORAL),
    drug("Lisinopril 20 mg tablet", "Lisinopril", strength="20 mg", packages=310, **_ORAL),
    drug("Lisinopril and Hydrochlorothiazide 20-12.5 mg tablet",
         "Lisinopril and Hydrochlorothiazide", strength="20 mg; 12.5 mg",
         ingredients=("lisinopril", "hydrochlorothiazide"), packages=120, **_ORAL),
    drug("Zestoretic 20-12.5 mg tablet", "Lisinopril and Hydrochlorothiazide", brand="Zestoretic",
         strength="20 mg; 12.5 mg", ingredients=("lisinopril", "hydrochlorothiazide"), **_ORAL),
    drug("Hydrochlorothiazide 25 mg tablet", "Hydrochlorothiazide", strength="25 mg",
         packages=280, **_ORAL),
    drug("Metformin Hydrochloride 500 mg tablet", "Metformin Hydrochloride", strength="500 mg",
         ingredients=("metformin",), packages=220, **_ORAL),
    drug("Metformin Hydrochloride 500 mg ER tablet", "Metformin Hydrochloride", strength="500 mg",
         ingredients=("metformin",), packages=200, form="tablet, extended release",
         routes=("oral",)),
    drug("Metoprolol Tartrate 50 mg tablet", "Metoprolol Tartrate", strength="50 mg",
         ingredients=("metoprolol",), packages=231, **_ORAL),
    drug("Advair Diskus 250-50 mcg powder", "Fluticasone Propionate and Salmeterol",
         brand="Advair Diskus", ingredients=("fluticasone", "salmeterol"), packages=5,
         form="powder", routes=("respiratory (inhalation)",)),
    drug("Eye Drops 0.05 % solution", "Tetrahydrozoline", brand="Eye Drops", packages=4,
         form="solution/ drops", routes=("ophthalmic",)),
    drug("Timolol Maleate 0.5% solution/ drops", "Timolol Maleate", ingredients=("timolol",),
         strength="0.5%", packages=30, form="solution/ drops", routes=("ophthalmic",)),
    drug("Allergy 25 mg capsule", "Diphenhydramine", brand="Allergy", packages=3, strength="25 mg",
         form="capsule", routes=("oral",)),
    drug("Balance 1 X pellet", "Arnica", brand="Balance", ingredients=("arnica montana",)),
    drug("Oxycodone Hydrochloride 5 mg tablet", "Oxycodone Hydrochloride", strength="5 mg",
         ingredients=("oxycodone",), packages=150, schedule="CII", **_ORAL),
    drug("Prednisone 10 mg tablet", "Prednisone", strength="10 mg", packages=160, **_ORAL),
    drug("Prednisolone 5 mg tablet", "Prednisolone", strength="5 mg", packages=20, **_ORAL),
)  # fmt: skip

"""The code systems and value sets that the adapter speaks of, and codes in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rxindex.model import Drug, Package
from rxindex.ndc import NDC
from rxindex.vocabulary import Vocabulary

__all__ = [
    "NDC_SYSTEM",
    "designations",
    "drug_coding",
    "drug_system",
    "drug_value_set",
    "is_fhir_id",
    "ndc_code",
    "package_coding",
]

#: HL7's own identifier of National Drug Codes (terminology.hl7.org, "Using NDC with HL7
#: Standards").
NDC_SYSTEM = "http://hl7.org/fhir/sid/ndc"

_FHIR_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")


def drug_system(base: str) -> str:
    """Give the canonical URL of the code system whose codes are drug ids.

    Args:
        base: of the FHIR service.
    """
    return f"{base}/CodeSystem/drugs"


def drug_value_set(base: str) -> str:
    """Give the canonical URL of the value set of all drugs and packages of the catalogue.

    Args:
        base: of the FHIR service.
    """
    return f"{base}/ValueSet/drugs"


def is_fhir_id(text: str) -> bool:
    """Tell whether ``text`` may be the id of a FHIR resource (R4, data type ``id``)."""
    return _FHIR_ID.fullmatch(text) is not None


def drug_coding(drug: Drug, base: str, vocabulary: Vocabulary) -> dict[str, Any]:
    """Give a drug as a Coding, with its name in tall-man letters where it has any."""
    return {
        "system": drug_system(base),
        "code": drug.id,
        "display": vocabulary.tall_man(drug.name),
    }


def ndc_code(ndc: str) -> str:
    """Write an NDC as HL7 wants it: the label's 10 digits with hyphens.

    Where nothing in the stored code says which zero the label lacks, and for labeler codes of six
    digits, it is the billing form with hyphens (5-4-2, 6-4-2).

    Args:
        ndc: 11 or 12 digits.
    """
    code = NDC(ndc[:-6], ndc[-6:-2], ndc[-2:])
    forms = code.fda10()
    # The FDA gives labeler codes below 10000 in 4-4-2, which `fda10` puts first.
    if len(forms) == 1 or (forms and code.labeler.startswith("0")):
        return forms[0]
    return code.hyphenated


def package_coding(package: Package, drug: str = "") -> dict[str, Any]:
    """Give a package as a Coding.

    Args:
        package: the package.
        drug: the display name of its drug, where the display has to say it.
    """
    words = ", ".join(filter(None, (drug, package.size, package.description, package.labeler)))
    coding = {"system": NDC_SYSTEM, "code": ndc_code(package.ndc)}
    return coding | {"display": words} if words else coding


def designations(brand: str, generic: str) -> Iterator[tuple[str, str]]:
    """Give a drug's other names.

    Yields:
        What each is, and the name.
    """
    if brand:
        yield "brand name", brand
    if generic:
        yield "generic name", generic

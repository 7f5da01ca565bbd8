"""Plainly invented packages, for catalogues larger than the NDC Directory.

Every invented name says so: ingredients and generic names begin with ``ZZ``, brand names,
labelers, classes and indications with ``INVENTED``. Their proportions are FDB's, where 493,573
packages are 97,463 drugs and 32,257 formulations.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Set
from itertools import count
from typing import NamedTuple

from rxindex.source.sample_fdb import Formulation, PackageLine
from rxindex.source.sample_names import Naming, Size

__all__ = ["Plan", "invented_lines", "plan_invented"]

_DRUGS_PER_PACKAGE = 97_463 / 493_573
_FORMULATIONS_PER_PACKAGE = 32_257 / 493_573
_PACKAGES_PER_LABELER = 493_573 / 4_590

_CONSONANTS = "bcdfghjklmnprstvwxz"
_SYLLABLES = [consonant + vowel for consonant in _CONSONANTS for vowel in "aeiou"]
_FORMS = (
    ("TABLET", "TABLET", "ORAL", "BOTTLE"),
    ("CAPSULE", "CAPSULE", "ORAL", "BOTTLE"),
    ("SOLUTION", "SOLN", "ORAL", "BOTTLE"),
    ("CREAM", "CREAM", "TOPICAL", "TUBE"),
    ("INJECTION, SOLUTION", "VIAL", "INTRAVENOUS", "VIAL"),
)
_SIZES = ("30", "90", "100", "500")
_STRENGTHS = ("1", "2.5", "5", "10", "20", "25", "40", "50", "75", "100", "150", "250", "500")


class Plan(NamedTuple):
    """How much to invent.

    Attributes:
        packages: rows.
        drugs: drugs that they belong to.
        formulations: formulations of these drugs.
        labelers: who sells them.
    """

    packages: int
    drugs: int
    formulations: int
    labelers: int


def plan_invented(wanted: int, packages: int, drugs: int, formulations: int) -> Plan:
    """Plan what to add to a catalogue so that the whole has FDB's proportions.

    Args:
        wanted: packages in all.
        packages: packages that are there.
        drugs: drugs that are there.
        formulations: formulations that are there.
    """
    missing = max(0, wanted - packages)
    if not missing:
        return Plan(0, 0, 0, 0)
    # The directory itself may be richer in drugs than FDB: add at least every eighth package.
    new_drugs = max(round(wanted * _DRUGS_PER_PACKAGE) - drugs, missing // 8, 1)
    new_drugs = min(new_drugs, missing)
    new_formulations = max(
        round(wanted * _FORMULATIONS_PER_PACKAGE) - formulations, new_drugs // 9, 1
    )
    new_labelers = max(1, round(missing / _PACKAGES_PER_LABELER))
    return Plan(missing, new_drugs, min(new_formulations, new_drugs), new_labelers)


def invented_formulations(plan: Plan) -> list[Formulation]:
    """Give the invented formulations, each ingredient with several strengths."""
    made = []
    for number in range(plan.formulations):
        ingredient, strength = divmod(number, 4)
        form = _FORMS[ingredient % len(_FORMS)]
        amount = _STRENGTHS[(ingredient * 3 + strength * 2) % len(_STRENGTHS)]
        made.append(Formulation(((f"ZZ{_word(ingredient)}", amount, "mg/1"),), form[0], form[2]))
    return made


def invented_labelers(plan: Plan) -> list[str]:
    """Give the invented labelers' names."""
    return [f"INVENTED LABELER {number:04d}" for number in range(1, plan.labelers + 1)]


def invented_lines(plan: Plan, taken: Set[str], seed: int) -> Iterator[PackageLine]:
    """Invent packages, ordered by NDC.

    Args:
        plan: how much.
        taken: labeler codes (the first five digits of an NDC) that are not to be used.
        seed: decides sizes, dates and how many packages a drug has.
    """
    dice = random.Random(seed)  # noqa: S311  demo data
    formulations, labelers = invented_formulations(plan), invented_labelers(plan)
    packages = _shares(plan, dice)
    codes = (code for number in count(90_000) if (code := f"{number:05d}") not in taken)
    product, code, labeler = 0, next(codes), labelers[0] if labelers else ""
    for number, held in enumerate(packages):
        formulation = formulations[number % len(formulations)]
        line = _drug(number, formulation, plan)
        package_kind = line.size.pd if line.size else ""
        written = 0
        while written < held:
            # One product code holds up to 100 packages, one labeler code 10,000 products.
            if product == 10_000:
                product, code = 0, next(codes)
            labeler = dice.choice(labelers)
            for package in range(min(held - written, dice.randint(1, 4))):
                start = (
                    f"{dice.randint(1995, 2018)}{dice.randint(1, 12):02d}{dice.randint(1, 28):02d}"
                )
                gone = dice.random() < 0.3
                yield line._replace(
                    ndc=f"{code}{product:04d}{package:02d}",
                    labeler=labeler,
                    size=Size(dice.choice(_SIZES), "1", package_kind, ""),
                    start=start,
                    end=f"{int(start[:4]) + dice.randint(2, 20)}{start[4:]}"
                    if gone
                    else "00000000",
                )
                written += 1
            product += 1


def _shares(plan: Plan, dice: random.Random) -> list[int]:
    """Share the packages out among the drugs: a few have many, most have few."""
    shares = [1] * plan.drugs
    weights = [dice.paretovariate(1.2) for _ in range(plan.drugs)]
    for drug in dice.choices(range(plan.drugs), weights, k=plan.packages - plan.drugs):
        shares[drug] += 1
    return shares


def _drug(number: int, formulation: Formulation, plan: Plan) -> PackageLine:
    """Give a drug: the first one of a formulation is its generic, the others are brands."""
    name, amount, _ = formulation.ingredients[0]
    short, package = next((f[1], f[3]) for f in _FORMS if f[0] == formulation.form)
    is_brand = number >= plan.formulations
    brand = f"INVENTED {_word(number)}" if is_brand else name
    label = f"{brand} {amount} MG {short}"
    group = sum(map(ord, name))
    return PackageLine(
        ndc="",
        labeler="",
        naming=Naming(label[:30].rstrip(), label[:60], brand[:30], is_brand),
        formulation=formulation,
        innovator=is_brand and number < 2 * plan.formulations,
        size=Size("1", "1", package, ""),
        dea="0",
        cl="F",
        end="00000000",
        start="00000000",
        repack=False,
        classes=(f"INVENTED CLASS {group % 400:03d}",),
        indications=(f"INVENTED INDICATION {group * 7 % 900:03d}",),
    )


def _word(number: int) -> str:
    """Give a pronounceable word for a number, another one for each."""
    word = ""
    number += len(_SYLLABLES)
    while number:
        number, syllable = divmod(number, len(_SYLLABLES))
        word = _SYLLABLES[syllable] + word
    return word.upper()

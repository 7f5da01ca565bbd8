"""What the vocabulary knows: ingredients, classes, indications, combinations, look-alikes.

All are immutable. The order inside a tuple is the order to show: the commonest name first.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

__all__ = [
    "Combination",
    "DrugClass",
    "Expansion",
    "Facts",
    "Indication",
    "Ingredient",
    "LookAlikes",
    "Prescribed",
    "SaltWords",
    "Schedule",
    "TermKind",
]

Schedule = Literal["CII", "CIII", "CIV", "CV"]
"""A schedule of the US Controlled Substances Act that a marketed drug can have."""

TermKind = Literal["ingredient", "brand", "abbreviation", "class", "indication"]
"""What a term that a prescriber typed turned out to be."""


class Ingredient(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One active ingredient, whatever its salt, ester or hydrate.

    Attributes:
        name: The United States Adopted Name in lower case, without the salt: ``atorvastatin``.
        synonyms: Other full names: international and British names, chemical and common ones.
        abbreviations: What prescribers write for it: ``HCTZ``, ``APAP``.
        brands: US brands that contain this ingredient and no other.
        classes: Ids of its pharmacologic classes, the most specific first.
        indications: Ids of what it is used for, the commonest first.
        schedule: Its controlled-substance schedule by itself; a combination may have a lower one.
        routes: Routes of administration, the commonest first, in the FDA's terms in lower case:
            ``intravenous``, ``respiratory (inhalation)``.
        forms: Dosage forms, the commonest first, in the FDA's terms in lower case: ``tablet, film
            coated``. Of an ingredient that is sold only in combinations, those of the
            combinations.
        strengths: Usual strengths of products of this ingredient alone, from small to large, as a
            catalogue writes them: ``20 mg``, ``100 units/mL``.
        salts: Words that name its salts and that ``salts.json`` does not list.
    """

    name: str
    synonyms: tuple[str, ...] = ()
    abbreviations: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    indications: tuple[str, ...] = ()
    schedule: Schedule | None = None
    routes: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    strengths: tuple[str, ...] = ()
    salts: tuple[str, ...] = ()


class DrugClass(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One pharmacologic class.

    Attributes:
        id: A stable id in kebab case.
        name: The established name: ``HMG-CoA Reductase Inhibitor``.
        names: What prescribers say: ``statin``.
        abbreviations: What prescribers write: ``ACEI``.
        routes: The routes of its drugs, where an ingredient belongs to it by some routes only:
            fluticasone is an inhaled corticosteroid in an inhaler, not in a cream. Empty for any.
    """

    id: str
    name: str
    names: tuple[str, ...] = ()
    abbreviations: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()


class Indication(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One condition that drugs are used for.

    Attributes:
        id: A stable id in kebab case.
        name: The medical name: ``hypertension``.
        names: Other medical names and abbreviations: ``HTN``.
        plain: Plain words: ``high blood pressure``.
        care: Whether this is hygiene or skin care rather than treatment: sun protection.
        routes: The routes of the drugs that are used for it, where an ingredient is by some
            routes only: fluticasone is for asthma in an inhaler, not in a cream. Empty for any.
    """

    id: str
    name: str
    names: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()
    care: bool = False
    routes: tuple[str, ...] = ()


class Combination(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fixed-dose combination: two or more ingredients in one product.

    Attributes:
        ingredients: Names of its ingredients.
        brands: US brands of exactly this combination.
        abbreviations: What prescribers write for it: ``TMP-SMX``.
        classes: Ids of classes to add to those of its ingredients.
        indications: Ids of what the combination is used for. When given, they stand in place of
            its ingredients' own: phentermine with topiramate is not for epilepsy.
    """

    ingredients: tuple[str, ...]
    brands: tuple[str, ...] = ()
    abbreviations: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    indications: tuple[str, ...] = ()


class SaltWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Words that may surround the name of an ingredient without being part of it.

    Attributes:
        trailing: Words to drop from the end: ``hydrochloride``, ``trihydrate``.
        leading: Words to drop from the start: ``anhydrous``.
    """

    trailing: tuple[str, ...] = ()
    leading: tuple[str, ...] = ()


class LookAlikes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Names that are taken for one another, and how to write them so that they are not.

    Attributes:
        tall_man: Names in tall-man lettering (``hydrOXYzine``), which differ from the plain name
            in case only. Generic names are those of the FDA's Name Differentiation Project and
            of ISMP's list; brands are ISMP's.
        pairs: Two names, generic or brand, that look or sound alike.
    """

    tall_man: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()


class Prescribed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is prescribed most.

    Attributes:
        order: Ingredients, and lists of the ingredients of a combination; the most prescribed
            first. Of one that is there twice the first place counts.
    """

    order: tuple[str | Annotated[tuple[str, ...], msgspec.Meta(min_length=2)], ...] = ()


class Facts(msgspec.Struct, frozen=True):
    """What the vocabulary knows of one drug, from its active ingredients.

    Attributes:
        ingredients: Those that are known, each once.
        unknown: The substances that are not, as given, each once.
        synonyms: Other names and abbreviations of the ingredients, then the combination's.
        brands: The ingredient's brands, or those of exactly this combination.
        classes: Every display name of every class: established, spoken, abbreviated.
        class_names: The established name of every class.
        indications: Medical names of the indications, abbreviations included.
        plain_indications: The same indications in plain words.
        main_classes: The established name of each class and what it is called first when
            spoken, class by class: ``HMG-CoA Reductase Inhibitor``, ``statin``.
        main_indications: The medical name of each indication and its first plain words,
            indication by indication: ``hyperlipidemia``, ``high cholesterol``.
    """

    ingredients: tuple[Ingredient, ...] = ()
    unknown: tuple[str, ...] = ()
    synonyms: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    indications: tuple[str, ...] = ()
    plain_indications: tuple[str, ...] = ()
    main_classes: tuple[str, ...] = ()
    main_indications: tuple[str, ...] = ()


class Expansion(msgspec.Struct, frozen=True):
    """A term that a prescriber typed, recognised.

    Attributes:
        kind: What the term is.
        names: What it stands for: ingredient names for an ingredient, a brand or an
            abbreviation (several for a combination or an ambiguous term), the established
            names of the classes, or the medical names of the indications.
        ambiguous: Whether the names are different meanings (``AZA``: azacitidine or
            azathioprine) rather than parts of one (``TMP-SMX``).
    """

    kind: TermKind
    names: tuple[str, ...]
    ambiguous: bool = False

"""The clinical vocabulary: synonyms, brands, classes and indications of ingredients."""

from rxindex.vocabulary.load import load_vocabulary
from rxindex.vocabulary.model import (
    Combination,
    DrugClass,
    Expansion,
    Facts,
    Indication,
    Ingredient,
    LookAlikes,
    Prescribed,
    SaltWords,
)
from rxindex.vocabulary.vocabulary import Vocabulary

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
    "Vocabulary",
    "load_vocabulary",
]

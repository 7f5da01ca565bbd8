"""How much of a real catalogue the vocabulary knows: the FDA's directory of April 2019."""

from __future__ import annotations

import csv

from rxindex.source.sample_files import sample_directory
from rxindex.vocabulary import Vocabulary

PRESCRIPTION = "HUMAN PRESCRIPTION DRUG"


def test_the_vocabulary_knows_nine_in_ten_prescription_products(vocabulary: Vocabulary) -> None:
    products = known = 0
    path = sample_directory() / "product.txt"
    with path.open(encoding="cp1252", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row["PRODUCTTYPENAME"] == PRESCRIPTION:
                substances = [name for name in row["SUBSTANCENAME"].split("; ") if name]
                products += 1
                known += bool(substances) and all(map(vocabulary.ingredient, substances))
    assert products == 58_232
    assert known / products > 0.90, f"{known} of {products}"

"""The facts of a drug, and the terms that prescribers type."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxindex.vocabulary import Facts, load_vocabulary

VOCABULARY = load_vocabulary()


def test_a_drug_of_one_ingredient_has_its_brands_synonyms_classes_and_indications() -> None:
    facts = VOCABULARY.facts(["ATORVASTATIN CALCIUM TRIHYDRATE"])
    assert [i.name for i in facts.ingredients] == ["atorvastatin"]
    assert facts.unknown == ()
    assert "Lipitor" in facts.brands
    assert facts.class_names[0] == "HMG-CoA Reductase Inhibitor"
    assert "statin" in facts.classes
    assert "hyperlipidemia" in facts.indications
    assert "high cholesterol" in facts.plain_indications


def test_synonyms_hold_other_names_and_abbreviations() -> None:
    facts = VOCABULARY.facts(["ACETAMINOPHEN"])
    assert {"paracetamol", "APAP"} <= set(facts.synonyms)


def test_class_display_names_hold_the_established_the_spoken_and_the_abbreviated() -> None:
    facts = VOCABULARY.facts(["LISINOPRIL"])
    assert {"Angiotensin Converting Enzyme Inhibitor", "ACE inhibitor", "ACEI"} <= set(
        facts.classes
    )
    assert "ACEI" not in facts.class_names
    assert set(facts.class_names) <= set(facts.classes)


def test_a_combination_has_only_its_own_brands() -> None:
    facts = VOCABULARY.facts(["LISINOPRIL", "HYDROCHLOROTHIAZIDE"])
    assert "Zestoretic" in facts.brands
    assert not set(facts.brands) & set(VOCABULARY.facts(["LISINOPRIL"]).brands)
    assert "HCTZ" in facts.synonyms


def test_the_order_of_the_substances_does_not_change_the_brands() -> None:
    one = VOCABULARY.facts(["AMOXICILLIN", "CLAVULANATE POTASSIUM"])
    other = VOCABULARY.facts(["CLAVULANATE POTASSIUM", "AMOXICILLIN"])
    assert one.brands == other.brands
    assert "Augmentin" in one.brands


def test_a_combination_has_the_classes_of_all_its_ingredients() -> None:
    facts = VOCABULARY.facts(["LISINOPRIL", "HYDROCHLOROTHIAZIDE"])
    assert {"Angiotensin Converting Enzyme Inhibitor", "Thiazide Diuretic"} <= set(
        facts.class_names
    )


def test_a_combination_adds_its_abbreviations_and_its_own_classes() -> None:
    assert "TMP-SMX" in VOCABULARY.facts(["SULFAMETHOXAZOLE", "TRIMETHOPRIM"]).synonyms
    inhaler = VOCABULARY.facts(["BUDESONIDE", "FORMOTEROL FUMARATE DIHYDRATE"])
    assert {"ICS", "LABA"} <= set(inhaler.classes)


def test_indications_of_a_combination_stand_in_place_of_those_of_its_ingredients() -> None:
    facts = VOCABULARY.facts(["PHENTERMINE HYDROCHLORIDE", "TOPIRAMATE"])
    assert "obesity" in facts.indications
    assert "epilepsy" not in facts.indications


def test_four_amphetamine_salts_are_one_combination() -> None:
    facts = VOCABULARY.facts(
        [
            "AMPHETAMINE ASPARTATE MONOHYDRATE",
            "AMPHETAMINE SULFATE",
            "DEXTROAMPHETAMINE SACCHARATE",
            "DEXTROAMPHETAMINE SULFATE",
        ]
    )
    assert "Adderall" in facts.brands
    assert len(facts.ingredients) == 2


def test_two_salts_of_one_ingredient_are_one_ingredient() -> None:
    facts = VOCABULARY.facts(["METOPROLOL TARTRATE", "METOPROLOL SUCCINATE"])
    assert len(facts.ingredients) == 1
    assert "Lopressor" in facts.brands


def test_an_unlisted_combination_has_no_brand() -> None:
    facts = VOCABULARY.facts(["WARFARIN SODIUM", "MELATONIN"])
    assert len(facts.ingredients) == 2
    assert facts.brands == ()
    assert facts.classes


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Norgestimate and Ethinyl Estradiol Tablets", {"norgestimate", "ethinyl estradiol"}),
        ("drospirenone/ethinyl estradiol/levomefolate calcium and levomefolate calcium",
         {"drospirenone", "ethinyl estradiol", "levomefolic acid"}),
        ("Lansoprazole, Amoxicillin and Clarithromycin",
         {"lansoprazole", "amoxicillin", "clarithromycin"}),
        ("lidocaine 2.5% and prilocaine 2.5%", {"lidocaine", "prilocaine"}),
        ("ESTROGENS, CONJUGATED", {"conjugated estrogens"}),
        ("measles, mumps and rubella vaccine", {"measles, mumps and rubella vaccine"}),
    ],
)  # fmt: skip
def test_the_substances_of_a_kit_are_told_apart_in_its_name(text: str, names: set[str]) -> None:
    facts = VOCABULARY.facts([text])
    assert {i.name for i in facts.ingredients} == names
    assert facts.unknown == ()


@pytest.mark.parametrize(
    "text", ["Lidocaine and Unobtainium", "Sallus Pack", "and", ", ,", "", "a+b"]
)
def test_a_name_is_not_cut_up_unless_every_part_is_known(text: str) -> None:
    assert VOCABULARY.substances(text) == (text,)


@pytest.mark.parametrize(
    ("substance", "routes", "told", "not_told"),
    [
        ("FLUTICASONE PROPIONATE", ("NASAL",), "Nasal Corticosteroid", "Inhaled Corticosteroid"),
        ("FLUTICASONE PROPIONATE", ("topical",), "Topical Corticosteroid", "Nasal Corticosteroid"),
        ("FLUTICASONE PROPIONATE", ("respiratory (inhalation)",), "Inhaled Corticosteroid",
         "Topical Corticosteroid"),
        ("OLOPATADINE", ("ophthalmic",), "Ophthalmic Antihistamine", "Nasal Corticosteroid"),
        ("OLOPATADINE", ("nasal",), "Histamine-1 Receptor Antagonist", "Ophthalmic Antihistamine"),
        ("LEVONORGESTREL", ("oral",), "Emergency Contraceptive", "Intrauterine Contraceptive"),
    ],
)  # fmt: skip
def test_a_drug_is_not_of_a_class_of_another_route(
    substance: str, routes: tuple[str, ...], told: str, not_told: str
) -> None:
    names = VOCABULARY.facts([substance], routes).class_names
    assert told in names
    assert not_told not in names
    assert {told, *names} <= set(VOCABULARY.facts([substance]).class_names)


@pytest.mark.parametrize(
    ("routes", "told", "not_told"),
    [
        (("topical",), "dermatitis", "asthma"),
        (("respiratory (inhalation)",), "asthma", "allergic-rhinitis"),
        (("inhalation",), "asthma", "dermatitis"),
        (("nasal",), "allergic-rhinitis", "asthma"),
    ],
)
def test_a_drug_is_not_for_a_use_of_another_route(
    routes: tuple[str, ...], told: str, not_told: str
) -> None:
    told, not_told = (VOCABULARY.indications[key].name for key in (told, not_told))
    names = VOCABULARY.facts(["FLUTICASONE PROPIONATE"], routes).main_indications
    assert told in names
    assert not_told not in names
    assert {told, not_told} <= set(VOCABULARY.facts(["FLUTICASONE PROPIONATE"]).main_indications)


def test_what_is_given_most_for_a_use_is_the_most_usual() -> None:
    diabetes, migraine = ["type 2 diabetes mellitus"], ["migraine"]
    assert VOCABULARY.usualness(["metformin"], diabetes) == 1.0
    assert VOCABULARY.usualness(["metformin"], migraine) == 0.0
    assert VOCABULARY.usualness(["sumatriptan"], migraine) > VOCABULARY.usualness(
        ["diclofenac"], migraine
    )
    assert VOCABULARY.usualness(["unobtainium", ""], diabetes) == 0.0
    # Of a combination that has uses of its own, those count.
    assert VOCABULARY.usualness(["phentermine", "topiramate"], ["epilepsy"]) == 0.0


def test_a_combination_keeps_its_own_classes_whatever_its_route() -> None:
    substances = ["BUDESONIDE", "FORMOTEROL FUMARATE"]
    assert "Inhaled Corticosteroid" in VOCABULARY.facts(substances, ["oral"]).class_names


def test_an_unknown_substance_is_reported_and_takes_the_brands_away() -> None:
    facts = VOCABULARY.facts(["LISINOPRIL", "UNOBTAINIUM", "UNOBTAINIUM"])
    assert facts.unknown == ("UNOBTAINIUM",)
    assert [i.name for i in facts.ingredients] == ["lisinopril"]
    assert facts.brands == ()
    assert facts.classes


@pytest.mark.parametrize("substances", [[], [""], ["  ", "\t"]])
def test_no_substance_gives_no_fact(substances: list[str]) -> None:
    assert VOCABULARY.facts(substances) == Facts()


@given(st.lists(st.sampled_from(sorted(VOCABULARY.ingredients)), min_size=1, max_size=5))
def test_facts_never_repeat_a_name(names: list[str]) -> None:
    facts = VOCABULARY.facts(names)
    for told in (
        facts.ingredients,
        facts.synonyms,
        facts.brands,
        facts.classes,
        facts.class_names,
        facts.indications,
        facts.plain_indications,
    ):
        assert len(set(told)) == len(told)
    assert {i.name for i in facts.ingredients} == set(names)


@pytest.mark.parametrize(
    ("term", "kind", "names"),
    [
        ("ASA", "abbreviation", ("aspirin",)),
        ("apap", "abbreviation", ("acetaminophen",)),
        ("HCTZ", "abbreviation", ("hydrochlorothiazide",)),
        ("MTX", "abbreviation", ("methotrexate",)),
        ("SMZ-TMP", "abbreviation", ("sulfamethoxazole", "trimethoprim")),
        ("tmp smx", "abbreviation", ("sulfamethoxazole", "trimethoprim")),
        ("statin", "class", ("HMG-CoA Reductase Inhibitor",)),
        ("Statins", "class", ("HMG-CoA Reductase Inhibitor",)),
        ("ACE inhibitors", "class", ("Angiotensin Converting Enzyme Inhibitor",)),
        ("ace-inhibitor", "class", ("Angiotensin Converting Enzyme Inhibitor",)),
        ("ACEI", "class", ("Angiotensin Converting Enzyme Inhibitor",)),
        ("ARB", "class", ("Angiotensin 2 Receptor Blocker",)),
        ("ARBs", "class", ("Angiotensin 2 Receptor Blocker",)),
        ("SSRI", "class", ("Selective Serotonin Reuptake Inhibitor",)),
        ("PPI", "class", ("Proton Pump Inhibitor",)),
        ("NSAIDs", "class", ("Nonsteroidal Anti-inflammatory Drug",)),
        ("SGLT2i", "class", ("Sodium-Glucose Cotransporter 2 Inhibitor",)),
        ("GLP-1 RA", "class", ("GLP-1 Receptor Agonist",)),
        ("DOAC", "class", ("Direct Oral Anticoagulant",)),
        ("beta blockers", "class", ("Beta-Adrenergic Blocker",)),
        ("blood thinner", "class", ("Anticoagulant",)),
        ("blood thinners", "class", ("Anticoagulant",)),
        ("water pills", "class", ("Diuretic",)),
        ("penicillin", "class", ("Penicillin-class Antibacterial",)),
        ("beta lactams", "class", ("Beta-Lactam Antibacterial",)),
        ("BTK inhibitors", "class", ("Bruton's Tyrosine Kinase Inhibitor",)),
        ("IL-17 inhibitors", "class", ("Interleukin-17 Antagonist",)),
        ("CAR-T", "class", ("Genetically Modified Autologous T Cell Immunotherapy",)),
        ("steroid eye drops", "class", ("Ophthalmic Corticosteroid",)),
        ("flea medicine", "class", ("Ectoparasiticide",)),
        ("white oak pollen", "ingredient", ("quercus alba pollen",)),
        ("water pill", "class", ("Diuretic",)),
        ("high blood pressure", "indication", ("hypertension",)),
        ("HTN", "indication", ("hypertension",)),
        ("T2DM", "indication", ("type 2 diabetes mellitus",)),
        ("MRSA", "indication", ("methicillin-resistant Staphylococcus aureus infection",)),
        ("sleep apnea", "indication", ("obstructive sleep apnea",)),
        ("rattlesnake bite", "indication", ("pit viper envenomation",)),
        ("sugar diabetes", "indication", ("type 2 diabetes mellitus",)),
        ("Lipitor", "brand", ("atorvastatin",)),
        ("OZEMPIC", "brand", ("semaglutide",)),
        ("Z-Pak", "brand", ("azithromycin",)),
        ("Percocet", "brand", ("oxycodone", "acetaminophen")),
        ("paracetamol", "ingredient", ("acetaminophen",)),
        ("Metformin", "ingredient", ("metformin",)),
    ],
)
def test_a_term_is_recognised(term: str, kind: str, names: tuple[str, ...]) -> None:
    expansion = VOCABULARY.expand(term)
    assert expansion is not None
    assert (expansion.kind, expansion.names) == (kind, names)


def test_an_ambiguous_abbreviation_gives_all_its_meanings() -> None:
    expansion = VOCABULARY.expand("PCN")
    assert expansion is not None
    assert set(expansion.names) == {"penicillin v", "penicillin g"}
    assert expansion.ambiguous


@pytest.mark.parametrize("term", ["TMP-SMX", "Percocet", "ASA", "statins", "hypertension"])
def test_the_parts_of_one_meaning_are_not_ambiguous(term: str) -> None:
    expansion = VOCABULARY.expand(term)
    assert expansion is not None
    assert not expansion.ambiguous


@pytest.mark.parametrize("term", ["", " ", "-", "s", "es", "lipitors", "atorvastati", "xyzzy"])
def test_a_term_that_is_not_exactly_known_is_not_recognised(term: str) -> None:
    assert VOCABULARY.expand(term) is None


def test_every_class_is_recognised_in_the_plural() -> None:
    for drug_class in VOCABULARY.classes.values():
        for name in (drug_class.name, *drug_class.names, *drug_class.abbreviations):
            expansion = VOCABULARY.expand(f"{name}s")
            assert expansion is not None, name
            assert drug_class.name in expansion.names, name


def test_every_brand_is_recognised_as_all_its_ingredients_and_no_other() -> None:
    entries: list[tuple[tuple[str, ...], tuple[str, ...]]] = [
        *(((i.name,), i.brands) for i in VOCABULARY.ingredients.values()),
        *((c.ingredients, c.brands) for c in VOCABULARY.combinations),
    ]
    for names, brands in entries:
        for brand in brands:
            expansion = VOCABULARY.expand(brand.upper())
            assert expansion is not None, brand
            assert (expansion.kind, expansion.names) == ("brand", names)


@given(st.text(max_size=40))
def test_any_text_at_all_is_expanded_without_an_error(text: str) -> None:
    expansion = VOCABULARY.expand(text)
    assert expansion is None or expansion.names


def test_the_facts_are_read_only() -> None:
    with pytest.raises(TypeError):
        VOCABULARY.ingredients["new"] = VOCABULARY.ingredients["aspirin"]  # type: ignore[index]
    with pytest.raises(AttributeError):
        VOCABULARY.ingredients["aspirin"].name = "other"  # type: ignore[misc]

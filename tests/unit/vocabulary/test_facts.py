"""The built-in facts hold together, and they cover what is prescribed."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import pytest

from rxindex.vocabulary import Combination, Ingredient, Vocabulary, load_vocabulary
from rxindex.vocabulary.terms import term_key

MOST_PRESCRIBED = """
acetaminophen; acyclovir; adalimumab; albendazole; albuterol; alendronate; allopurinol;
alprazolam; amiodarone; amitriptyline; amlodipine; amoxicillin; amphetamine; anastrozole;
apixaban; aripiprazole; aspirin; atenolol; atomoxetine; atorvastatin; azathioprine; azelastine;
azithromycin; baclofen; beclomethasone; benazepril; benzonatate; benztropine; betamethasone;
bimatoprost; bisoprolol; brexpiprazole; brimonidine; budesonide; bumetanide; buprenorphine;
bupropion; buspirone; butalbital; calcitriol; calcium carbonate; canagliflozin; candesartan;
carbamazepine; carbidopa; cariprazine; carisoprodol; carvedilol; cefdinir; cefuroxime; celecoxib;
cephalexin; cetirizine; chlorhexidine; chlorthalidone; cholecalciferol; ciprofloxacin;
citalopram; clindamycin; clobetasol; clonazepam; clonidine; clopidogrel; clotrimazole; colchicine;
conjugated estrogens; cyanocobalamin; cyclobenzaprine; cyclosporine; dabigatran; dapagliflozin;
desloratadine; desmopressin; desogestrel; desvenlafaxine; dexamethasone; dexlansoprazole;
dexmethylphenidate; dextroamphetamine; diazepam; diclofenac; dicyclomine; digoxin; diltiazem;
diphenhydramine; divalproex; docusate; donepezil; dorzolamide; doxazosin; doxepin; doxycycline;
drospirenone; dulaglutide; duloxetine; dutasteride; empagliflozin; enalapril; enoxaparin;
epinephrine; ergocalciferol; erythromycin; escitalopram; esomeprazole; estradiol; eszopiclone;
ethinyl estradiol; ezetimibe; famotidine; fenofibrate; ferrous sulfate; fexofenadine; finasteride;
flecainide; fluconazole; fluoxetine; fluticasone; folic acid; formoterol; furosemide; gabapentin;
gemfibrozil; glimepiride; glipizide; glyburide; guaifenesin; guanfacine; haloperidol; hydralazine;
hydrochlorothiazide; hydrocodone; hydrocortisone; hydromorphone; hydroxychloroquine; hydroxyzine;
ibuprofen; insulin aspart; insulin degludec; insulin detemir; insulin glargine; insulin human;
insulin isophane; insulin lispro; ipratropium; irbesartan; isosorbide dinitrate;
isosorbide mononitrate; ketoconazole; ketorolac; labetalol; lacosamide; lamotrigine; lansoprazole;
latanoprost; letrozole; levetiracetam; levocetirizine; levofloxacin; levonorgestrel;
levothyroxine; lidocaine; linaclotide; linagliptin; liothyronine; liraglutide; lisdexamfetamine;
lisinopril; lithium; loratadine; lorazepam; losartan; lovastatin; lurasidone; magnesium oxide;
meclizine; medroxyprogesterone; melatonin; meloxicam; memantine; mesalamine; metformin;
methimazole; methocarbamol; methotrexate; methylphenidate; methylprednisolone; metoclopramide;
metoprolol; metronidazole; minocycline; mirabegron; mirtazapine; mometasone; montelukast;
morphine; mupirocin; mycophenolate mofetil; nadolol; naloxone; naltrexone; naproxen; nebivolol;
nifedipine; nitrofurantoin; nitroglycerin; norethindrone; norgestimate; nortriptyline; nystatin;
olanzapine; olmesartan; olopatadine; omega-3-acid ethyl esters; omeprazole; ondansetron;
oseltamivir; oxcarbazepine; oxybutynin; oxycodone; paliperidone; pantoprazole; paroxetine;
penicillin v; phenazopyridine; phenobarbital; phentermine; phenytoin; pioglitazone;
polyethylene glycol 3350; potassium chloride; pramipexole; prasugrel; pravastatin; prazosin;
prednisolone; prednisone; pregabalin; primidone; prochlorperazine; progesterone; promethazine;
propranolol; pseudoephedrine; quetiapine; quinapril; rabeprazole; raloxifene; ramipril;
ranitidine; ranolazine; risperidone; rivaroxaban; rizatriptan; ropinirole; rosuvastatin;
sacubitril; salmeterol; semaglutide; senna; sertraline; sildenafil; simvastatin; sitagliptin;
sodium bicarbonate; solifenacin; sotalol; spironolactone; sucralfate; sulfamethoxazole;
sumatriptan; tacrolimus; tadalafil; tamoxifen; tamsulosin; telmisartan; temazepam; terazosin;
terbinafine; testosterone; thyroid; ticagrelor; timolol; tiotropium; tirzepatide; tizanidine;
tolterodine; topiramate; torsemide; tramadol; travoprost; trazodone; tretinoin; triamcinolone;
triamterene; trimethoprim; umeclidinium; ursodiol; valacyclovir; valsartan; varenicline;
venlafaxine; verapamil; vilanterol; vortioxetine; warfarin; zafirlukast; ziprasidone; zolpidem
"""


def every_entry(vocabulary: Vocabulary) -> list[Ingredient | Combination]:
    return [*vocabulary.ingredients.values(), *vocabulary.combinations]


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return load_vocabulary()


def test_the_most_prescribed_ingredients_are_all_known_under_their_own_name(
    vocabulary: Vocabulary,
) -> None:
    names = [" ".join(name.split()) for name in MOST_PRESCRIBED.split(";")]
    assert len(names) > 250
    for name in names:
        found = vocabulary.ingredient(name.upper())
        assert found is not None, name
        assert found.name == name


# Written by hand for two drugs or more: an answer names them all, and says that they differ.
AMBIGUOUS_ABBREVIATIONS = {
    "ALA", "AZA", "BSS", "CFZ", "CTX", "DEX", "DOX", "DPH", "MPA", "PCN", "PEG-IFN", "PTX", "STS",
    "TAC",
}  # fmt: skip

# What a catalogue's strength looks like; see the directory's own in the integration tests.
STRENGTH = re.compile(
    r"\d[\d.,]* (mcg|mg|g|kg|mEq|mmol|units|USP units|mL|L|mCi|Ci|umol|%)"
    r"(/([\d.]+ )?(mL|L|g|mg|h|actuation))?|\d[\d.]*%"
)


def test_there_are_at_least_seven_hundred_ingredients(vocabulary: Vocabulary) -> None:
    assert len(vocabulary.ingredients) >= 700


def test_there_are_at_least_150_abbreviations_and_class_names(vocabulary: Vocabulary) -> None:
    abbreviations = {term_key(a) for e in every_entry(vocabulary) for a in e.abbreviations}
    spoken = {
        term_key(n) for c in vocabulary.classes.values() for n in (*c.names, *c.abbreviations)
    }
    assert len(abbreviations) >= 150
    assert len(spoken) >= 150


def test_an_abbreviation_of_two_drugs_is_a_known_one(vocabulary: Vocabulary) -> None:
    meanings: dict[str, set[frozenset[str]]] = defaultdict(set)
    for i in vocabulary.ingredients.values():
        for abbreviation in i.abbreviations:
            meanings[term_key(abbreviation)].add(frozenset([i.name]))
    for combination in vocabulary.combinations:
        for abbreviation in combination.abbreviations:
            meanings[term_key(abbreviation)].add(frozenset(combination.ingredients))
    several = {abbreviation for abbreviation, drugs in meanings.items() if len(drugs) > 1}
    assert several == {term_key(abbreviation) for abbreviation in AMBIGUOUS_ABBREVIATIONS}


def test_nearly_every_ingredient_has_a_route_and_a_form(vocabulary: Vocabulary) -> None:
    known = vocabulary.ingredients.values()
    assert sum(bool(i.routes) for i in known) > 0.99 * len(known)
    assert sum(bool(i.forms) for i in known) > 0.99 * len(known)


def test_strengths_are_written_as_a_catalogue_writes_them(vocabulary: Vocabulary) -> None:
    for i in vocabulary.ingredients.values():
        assert [text for text in i.strengths if not STRENGTH.fullmatch(text)] == [], i.name


@pytest.mark.parametrize(
    ("name", "routes", "form", "strengths"),
    [
        ("atorvastatin", ("oral",), "tablet, film coated", ("10 mg", "20 mg", "40 mg", "80 mg")),
        ("enoxaparin", ("subcutaneous",), "injection", ("40 mg/0.4 mL", "80 mg/0.8 mL")),
        ("insulin glargine", ("subcutaneous",), "injection, solution", ("100 units/mL",)),
        ("latanoprost", ("ophthalmic",), "solution/ drops", ("50 mcg/mL",)),
        ("levothyroxine", ("oral", "intravenous"), "tablet", ("25 mcg", "112 mcg", "200 mcg")),
        ("tiotropium", ("respiratory (inhalation)",), "spray, metered", ("18 mcg",)),
        ("tirzepatide", ("subcutaneous",), "injection, solution", ("2.5 mg/0.5 mL",)),
        ("vancomycin", ("intravenous", "oral"), "capsule", ("125 mg", "1 g")),
    ],
)
def test_usual_routes_forms_and_strengths_are_known(
    vocabulary: Vocabulary,
    name: str,
    routes: tuple[str, ...],
    form: str,
    strengths: tuple[str, ...],
) -> None:
    ingredient = vocabulary.ingredients[name]
    assert set(routes) <= set(ingredient.routes)
    assert form in ingredient.forms
    assert set(strengths) <= set(ingredient.strengths)


@pytest.mark.parametrize(
    "name",
    [
        # hospital, over the counter, vaccines, plasma products, newer drugs, animals
        "rocuronium", "vasopressin", "dextrose", "iohexol", "nonoxynol-9", "simethicone",
        "rotavirus vaccine", "tetanus and diphtheria toxoids", "rabies immune globulin",
        "prothrombin complex concentrate", "crotalidae polyvalent immune fab", "tirzepatide",
        "suzetrigine", "lecanemab", "tarlatamab", "onasemnogene abeparvovec", "carprofen",
        "maropitant", "oclacitinib", "fluralaner", "pimobendan", "xylazine",
        "quercus alba pollen", "alternaria alternata",
    ],
)  # fmt: skip
def test_every_corner_of_practice_is_known(vocabulary: Vocabulary, name: str) -> None:
    assert name in vocabulary.ingredients


def test_every_class_and_indication_that_is_named_exists(vocabulary: Vocabulary) -> None:
    for entry in every_entry(vocabulary):
        assert set(entry.classes) <= set(vocabulary.classes), entry
        assert set(entry.indications) <= set(vocabulary.indications), entry


def test_every_class_and_indication_is_used(vocabulary: Vocabulary) -> None:
    entries = every_entry(vocabulary)
    assert {key for e in entries for key in e.classes} == set(vocabulary.classes)
    assert {key for e in entries for key in e.indications} == set(vocabulary.indications)


def test_every_ingredient_has_a_class_and_an_indication_in_plain_words(
    vocabulary: Vocabulary,
) -> None:
    for ingredient in vocabulary.ingredients.values():
        facts = vocabulary.facts([ingredient.name])
        assert facts.class_names, ingredient.name
        assert facts.indications, ingredient.name
        assert facts.plain_indications, ingredient.name


def test_every_indication_has_plain_words(vocabulary: Vocabulary) -> None:
    assert [i.id for i in vocabulary.indications.values() if not i.plain] == []


def test_every_combination_is_of_known_ingredients_and_appears_once(
    vocabulary: Vocabulary,
) -> None:
    for combination in vocabulary.combinations:
        assert len(set(combination.ingredients)) == len(combination.ingredients) > 1
        assert set(combination.ingredients) <= set(vocabulary.ingredients), combination
    sets = Counter(frozenset(c.ingredients) for c in vocabulary.combinations)
    assert [names for names, count in sets.items() if count > 1] == []


def test_ingredient_names_are_in_lower_case(vocabulary: Vocabulary) -> None:
    assert [name for name in vocabulary.ingredients if name != name.lower()] == []


def test_ids_are_in_kebab_case(vocabulary: Vocabulary) -> None:
    for key in (*vocabulary.classes, *vocabulary.indications):
        assert all(part.isalnum() and part == part.lower() for part in key.split("-")), key


def test_no_term_is_given_twice_to_one_entry(vocabulary: Vocabulary) -> None:
    for i in vocabulary.ingredients.values():
        for terms in (i.synonyms, i.abbreviations, i.brands, i.classes, i.indications):
            assert len({term_key(term) for term in terms}) == len(terms), i.name
        for values in (i.routes, i.forms, i.strengths):
            assert len(set(values)) == len(values), i.name


def test_no_other_name_of_an_ingredient_is_the_name_of_another(vocabulary: Vocabulary) -> None:
    names = {term_key(name): name for name in vocabulary.ingredients}
    for i in vocabulary.ingredients.values():
        for term in (*i.synonyms, *i.abbreviations, *i.brands):
            assert term_key(term) not in names, (i.name, term)


def test_a_synonym_belongs_to_one_ingredient_only(vocabulary: Vocabulary) -> None:
    owners = Counter(term_key(term) for i in vocabulary.ingredients.values() for term in i.synonyms)
    assert [term for term, count in owners.items() if count > 1] == []


def test_a_brand_belongs_to_one_ingredient_or_one_combination_only(
    vocabulary: Vocabulary,
) -> None:
    entries = every_entry(vocabulary)
    owners = Counter(term_key(brand) for entry in entries for brand in entry.brands)
    assert [brand for brand, count in owners.items() if count > 1] == []


def test_no_term_has_meanings_of_two_kinds(vocabulary: Vocabulary) -> None:
    kinds: dict[str, set[str]] = {}

    def note(kind: str, *terms: str) -> None:
        for term in terms:
            kinds.setdefault(term_key(term), set()).add(kind)

    for i in vocabulary.ingredients.values():
        note("ingredient", i.name, *i.synonyms)
        note("abbreviation", *i.abbreviations)
        note("brand", *i.brands)
    for combination in vocabulary.combinations:
        note("abbreviation", *combination.abbreviations)
        note("brand", *combination.brands)
    for c in vocabulary.classes.values():
        note("class", c.name, *c.names, *c.abbreviations)
    for n in vocabulary.indications.values():
        note("indication", n.name, *n.names, *n.plain)
    assert {term: kind for term, kind in kinds.items() if len(kind) > 1} == {}


@pytest.mark.parametrize("term", ["MS", "MSO4", "PE", "HCT", "qd", "mg", "all", "he", "add"])
def test_dangerously_ambiguous_abbreviations_are_left_out(
    vocabulary: Vocabulary, term: str
) -> None:
    assert vocabulary.expand(term) is None


@pytest.mark.parametrize(
    ("name", "schedule"),
    [
        ("oxycodone", "CII"),
        ("methylphenidate", "CII"),
        ("buprenorphine", "CIII"),
        ("testosterone", "CIII"),
        ("alprazolam", "CIV"),
        ("tramadol", "CIV"),
        ("pregabalin", "CV"),
        ("lisinopril", None),
    ],
)
def test_controlled_substances_carry_their_schedule(
    vocabulary: Vocabulary, name: str, schedule: str | None
) -> None:
    assert vocabulary.ingredients[name].schedule == schedule


@pytest.mark.parametrize(
    ("substances", "treats"),
    [
        (["ASPIRIN"], True),
        (["CETIRIZINE HYDROCHLORIDE"], True),
        (["FERROUS SULFATE"], True),
        (["MENTHOL", "CAMPHOR"], True),
        (["AVOBENZONE", "OCTINOXATE"], False),
        (["ALCOHOL"], False),
        (["SODIUM FLUORIDE"], False),
        (["ASPIRIN", "EYE OF NEWT"], False),
        ([], False),
    ],
)
def test_what_treats_is_told_from_what_cleans(substances: list[str], treats: bool) -> None:
    assert load_vocabulary().treats(substances) is treats

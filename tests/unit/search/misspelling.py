"""Common drug names, and how they are misspelled: always the same ones."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

__all__ = ["COMMON_NAMES", "FOUND_IN_PRACTICE", "KINDS", "misspellings"]

COMMON_NAMES = tuple(
    """
    acyclovir albuterol alendronate allopurinol alprazolam amitriptyline amlodipine amoxicillin
    aripiprazole atenolol atomoxetine atorvastatin azithromycin baclofen benazepril benzonatate
    bisoprolol budesonide bumetanide buprenorphine bupropion buspirone carbamazepine carisoprodol
    carvedilol cefdinir celecoxib cephalexin cetirizine chlorthalidone ciprofloxacin citalopram
    clindamycin clonazepam clonidine clopidogrel colchicine cyclobenzaprine dexamethasone
    diazepam diclofenac dicyclomine digoxin diltiazem divalproex donepezil doxazosin doxycycline
    duloxetine enalapril escitalopram esomeprazole estradiol eszopiclone ezetimibe famotidine
    fenofibrate finasteride fluconazole fluoxetine fluticasone furosemide gabapentin
    glimepiride glipizide guanfacine hydralazine hydrochlorothiazide hydrocodone hydroxychloroquine
    hydroxyzine ibuprofen irbesartan ketoconazole labetalol lamotrigine lansoprazole
    latanoprost levetiracetam levocetirizine levofloxacin levothyroxine liraglutide lisinopril
    loratadine lorazepam losartan meloxicam metformin methocarbamol methotrexate methylphenidate
    metoprolol metronidazole mirtazapine montelukast nabumetone naproxen nifedipine nitrofurantoin
    nortriptyline olanzapine olmesartan omeprazole ondansetron oxcarbazepine oxybutynin oxycodone
    pantoprazole paroxetine phentermine pioglitazone pravastatin prednisone pregabalin
    promethazine propranolol quetiapine quinapril ramipril ranitidine risperidone rizatriptan
    ropinirole rosuvastatin sertraline sildenafil simvastatin spironolactone sulfamethoxazole
    sumatriptan tamoxifen tamsulosin temazepam terazosin tizanidine topiramate torsemide tramadol
    trazodone triamcinolone valacyclovir valsartan venlafaxine verapamil warfarin zolpidem
    abilify ambien ativan celebrex cialis claritin coumadin crestor cymbalta eliquis flonase
    fosamax humalog januvia klonopin lantus lasix levemir levitra lipitor lyrica namenda neurontin
    norvasc percocet plavix pradaxa premarin prilosec protonix prozac risperdal seroquel singulair
    spiriva symbicort synthroid tylenol valium ventolin viagra victoza vytorin xanax xarelto zantac
    zetia zithromax zocor zoloft zyprexa zyrtec
    """.split()
)

#: Misspellings that prescriptions and search logs are known for.
FOUND_IN_PRACTICE = {
    "ziprexia": "zyprexa", "amoxacillin": "amoxicillin", "metroprolol": "metoprolol",
    "levothyroxin": "levothyroxine", "gabapenten": "gabapentin", "omeprozole": "omeprazole",
    "sinthroid": "synthroid", "flonaise": "flonase", "klonipin": "klonopin",
    "atorvas": "atorvastatin", "metform": "metformin", "hydrochlorothiaz": "hydrochlorothiazide",
    "lipotir": "lipitor", "lisinipril": "lisinopril", "losarten": "losartan",
    "tramodol": "tramadol", "oxycodine": "oxycodone", "percoset": "percocet", "xanex": "xanax",
    "viagara": "viagra", "cialus": "cialis", "coumaden": "coumadin", "plavics": "plavix",
    "zirtec": "zyrtec", "claratin": "claritin", "singulare": "singulair",
    "albuteral": "albuterol", "predisone": "prednisone", "prednizone": "prednisone",
    "azithromicin": "azithromycin", "zithromaks": "zithromax", "ciprofloxin": "ciprofloxacin",
    "hydroxizine": "hydroxyzine", "seroquil": "seroquel", "cymbolta": "cymbalta",
    "lamictil": "lamictal", "simvistatin": "simvastatin", "wellbutron": "wellbutrin",
    "fosomax": "fosamax", "celebrix": "celebrex", "asprin": "aspirin",
    "ibuprophen": "ibuprofen", "acetominophen": "acetaminophen", "tylonol": "tylenol",
    "cyclobenzaprene": "cyclobenzaprine", "meloxican": "meloxicam", "tamulosin": "tamsulosin",
    "clonazapam": "clonazepam", "lorazapam": "lorazepam", "trazadone": "trazodone",
    "citalapram": "citalopram", "cephalexine": "cephalexin", "furosimide": "furosemide",
    "carvedolol": "carvedilol", "spirinolactone": "spironolactone", "monteleukast": "montelukast",
    "pantaprazole": "pantoprazole", "ondansatron": "ondansetron", "warfrin": "warfarin",
    "methyltrexate": "methotrexate", "januvea": "januvia", "xaralto": "xarelto",
    "elikwis": "eliquis", "lantis": "lantus", "humolog": "humalog",
}  # fmt: skip

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_HEARD = (
    ("ph", "f"), ("f", "ph"), ("y", "i"), ("i", "y"), ("c", "k"), ("k", "c"), ("ce", "se"),
    ("ci", "si"), ("cy", "sy"), ("z", "s"), ("s", "z"), ("x", "ks"), ("th", "t"), ("rh", "r"),
    ("qu", "kw"), ("ch", "k"), ("ae", "e"), ("a", "e"), ("e", "a"), ("e", "i"), ("i", "e"),
    ("o", "a"), ("a", "o"), ("o", "u"), ("ine", "in"), ("ole", "ol"), ("one", "on"),
    ("ll", "l"), ("tt", "t"), ("pp", "p"), ("nn", "n"), ("oo", "u"),
)  # fmt: skip


def misspellings(name: str, kind: str, count: int = 3) -> Iterator[str]:
    """Misspell a name in one kind of way, up to ``count`` times.

    Args:
        name: in small letters.
        kind: one of `KINDS`.
        count: how many are tried; those that are the name again are left out.
    """
    made = dict.fromkeys(
        KINDS[kind](name, random.Random(f"{name} {kind} {number}")) for number in range(count)
    )
    made.pop(name, None)
    yield from made


def _keyboard(name: str, dice: random.Random) -> str:
    at = dice.randrange(1, len(name))
    return name[:at] + dice.choice(_neighbours(name[at])) + name[at + 1 :]


def _first_letter(name: str, dice: random.Random) -> str:
    return dice.choice(_neighbours(name[0])) + name[1:]


def _neighbours(letter: str) -> str:
    row = next(at for at, letters in enumerate(_ROWS) if letter in letters)
    at = _ROWS[row].index(letter)
    rows = _ROWS[max(row - 1, 0) : row + 2]
    near = "".join(letters[max(at - 1, 0) : at + 2] for letters in rows)
    return near.replace(letter, "")


def _phonetic(name: str, dice: random.Random) -> str:
    fitting = [pair for pair in _HEARD if pair[0] in name[1:] or name.startswith(pair[0])]
    old, new = dice.choice(fitting)
    places = [at for at in range(len(name)) if name.startswith(old, at)]
    at = dice.choice(places)
    return name[:at] + new + name[at + len(old) :]


def _truncation(name: str, dice: random.Random) -> str:
    if len(name) < 8:
        return name
    return name[: max(6, round(len(name) * dice.uniform(0.6, 0.85)))]


def _transposition(name: str, dice: random.Random) -> str:
    at = dice.randrange(1, len(name) - 1)
    return name[:at] + name[at + 1] + name[at] + name[at + 2 :]


def _drop(name: str, dice: random.Random) -> str:
    at = dice.randrange(1, len(name))
    return name[:at] + name[at + 1 :]


def _double(name: str, dice: random.Random) -> str:
    at = dice.randrange(1, len(name))
    return name[:at] + name[at] + name[at:]


def _two(name: str, dice: random.Random) -> str:
    if len(name) < 8:
        return name
    return _phonetic(dice.choice((_drop, _transposition, _double))(name, dice), dice)


KINDS: dict[str, Callable[[str, random.Random], str]] = {
    "keyboard": _keyboard,
    "phonetic": _phonetic,
    "truncation": _truncation,
    "transposition": _transposition,
    "drop": _drop,
    "double": _double,
    "first letter": _first_letter,
    "two": _two,
}

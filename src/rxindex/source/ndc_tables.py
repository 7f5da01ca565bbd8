"""The SQL behind `NDCDirectorySource`: lines to products and packages, joined and ordered.

Lines are split here rather than by a CSV reader: the files have no quoting, and a line that is too
short is counted and left out instead of ending the run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rxindex.source.ndc_fields import split_list
from rxindex.source.ndc_files import PACKAGE_COLUMNS, PRODUCT_COLUMNS

if TYPE_CHECKING:
    import duckdb

__all__ = [
    "load_packages",
    "load_products",
    "order_packages",
]

#: Words that a generic's label adds to its generic name without making it another drug: salts in
#: short, forms, and what the form term says anyway.
_PLAIN_WORDS = (
    "hcl hydrochloride hbr hydrobromide sodium potassium calcium magnesium sulfate phosphate "
    "acetate citrate tartrate maleate fumarate succinate mesylate besylate bitartrate nitrate "
    "and with in for of the by plus usp nf bp ph eur "
    "tablet tablets tab tabs capsule capsules caps caplet caplets softgel softgels injection "
    "injectable solution suspension oral topical ophthalmic otic nasal vaginal rectal "
    "transdermal intravenous iv cream ointment gel lotion foam spray syrup elixir drops patch "
    "patches powder system film coated chewable extended delayed release er dr ec enteric "
    "orally disintegrating odt effervescent inhalation aerosol vial concentrate concentrated "
    "preservative free sugar sterile mg ml mcg g meq unit units per strength "
    "container plastic single dose anhydrous monohydrate dihydrate rx only kit immediate "
    "controlled modified delivery sublingual buccal sl rinse mixed salts entity product cii ciii "
    "civ cv"
)
#: Words that tell two generics of equal ingredient, strength and form apart.
_RELEASE_WORDS = (
    "xl sr xr la cd xt cr ir xc retard lp pediatric children childrens infant infants junior "
    "adult adults hfa diskus 12h 24h 12hr 24hr"
)

_MACROS = r"""
CREATE MACRO field(parts, place) AS trim(coalesce(parts[place], ''));
CREATE MACRO words(t) AS [
    rtrim(word, 's') for word in regexp_extract_all(lower(strip_accents(t)), '[a-z0-9]+')
];
CREATE MACRO amount(t) AS
    CASE WHEN t LIKE '%.%' THEN regexp_replace(rtrim(rtrim(t, '0'), '.'), '^0*\.', '0.')
         ELSE t END;
CREATE MACRO pieces(t) AS [trim(piece) for piece in string_split(upper(t), ';')];
CREATE MACRO strengths(substances, amounts, units) AS list_aggregate(list_sort([
        concat_ws(' ', z[1], amount(z[2]), z[3])
        for z in list_zip(pieces(substances), pieces(amounts), pieces(units))
    ]), 'string_agg', '; ');
CREATE MACRO misspells(word, known) AS length(word) >= 7 AND len([
        right_one for right_one in known
        if length(right_one) >= 7 AND damerau_levenshtein(word, right_one) = 1
            AND NOT starts_with(word, right_one) AND NOT starts_with(right_one, word)
    ]) > 0;
"""

#: One line of the file to a list of its fields. Nothing is a separator, a quote or an escape for
#: the reader: the recoded text has no control character but tabs that a listing could hold. Blanks
#: are made one where there are several, which few lines have, so that is looked for first.
_LINES = r"""
CREATE TEMP VIEW line AS SELECT string_split(
        CASE WHEN regexp_matches(line, '[\x00-\x08\x0A-\x1F\x{{A0}}]|  ')
             THEN regexp_replace(line, '[\x00-\x08\x0A-\x20\x{{A0}}]+', ' ', 'g')
             ELSE line END,
        chr(9)
    ) AS parts
FROM read_csv('{path}', columns = {{'line': 'VARCHAR'}}, header = false, auto_detect = false,
              delim = chr(1), quote = '', escape = '', max_line_size = 1000000)
WHERE trim(line) <> ''
"""
#: A product listed twice under one id counts once, else its packages would be doubled.
_FIRST_OF_EACH = """
DELETE FROM raw_product WHERE rowid NOT IN (SELECT min(rowid) FROM raw_product GROUP BY product_id)
"""
_OTC_SUBSTANCES = """
SELECT DISTINCT substances FROM raw_product
WHERE upper(type) = 'HUMAN OTC DRUG' AND category NOT ILIKE '%HOMEOPATHIC%'
"""
_LABELLED = """
CREATE TABLE labelled AS
SELECT *, CASE
        WHEN proprietary = '' THEN generic
        WHEN suffix = '' OR ends_with(upper(proprietary), ' ' || upper(suffix)) THEN proprietary
        ELSE proprietary || ' ' || suffix
    END AS label
FROM raw_product
WHERE $every OR list_contains($types, upper(type))
    OR (upper(type) = 'HUMAN OTC DRUG' AND category NOT ILIKE '%HOMEOPATHIC%'
        AND substances IN (SELECT substances FROM kept_otc))
"""
#: What a label adds to the generic name. One table for each step, so that lists of words are made
#: once for each name and not once for each word that is looked up in them.
_NAMES = (
    """
    CREATE TABLE worded AS
    SELECT label, generic, substances, words(label) AS said,
        list_distinct(words(generic || ' ' || substances)) AS known
    FROM (SELECT DISTINCT label, generic, substances FROM labelled)
    """,
    r"""
    CREATE TABLE unexplained AS
    SELECT label, generic, substances, known, list_sort(list_distinct([
            word for word in said
            if NOT list_contains(known, word) AND NOT list_contains($plain, word)
                AND NOT regexp_full_match(word, '\d+(mg|mcg|ml|g)?')
        ])) AS said
    FROM worded
    """,
    """
    CREATE TABLE added AS
    SELECT label, generic, substances,
        [word for word in said if NOT misspells(word, known)] AS words
    FROM unexplained
    """,
)
_KEYED = """
CREATE TABLE keyed AS
WITH told AS (
    SELECT labelled.*, words,
        len([word for word in words if NOT list_contains($release, word)]) > 0 AS own_name
    FROM labelled JOIN added USING (label, generic, substances)
)
SELECT *, concat_ws(chr(31),
        CASE WHEN substances = '' THEN upper(generic)
             ELSE strengths(substances, amounts, units) END,
        upper(form),
        array_to_string(list_sort(pieces(routes)), '; '),
        CASE WHEN own_name THEN upper(label) ELSE upper(array_to_string(words, ' ')) END
    ) AS drug_key
FROM told
"""
_PRODUCT = """
CREATE TABLE product AS
SELECT row_number() OVER (ORDER BY drug_key, product_id) AS product_no, label, own_name, generic,
    form, routes, category, labeler, substances, amounts, units, classes, schedule, start_date,
    end_date, product_id, product_ndc, drug_key
FROM keyed ORDER BY product_no
"""
#: PRODUCTID first. Where it is unknown to the whole product file (wanted or not), PRODUCTNDC.
_JOINED = """
CREATE TABLE joined AS
WITH known AS (SELECT product_id FROM raw_id),
by_ndc AS (SELECT product_ndc, min(product_id) AS product_id FROM raw_id GROUP BY product_ndc),
matched AS (
    SELECT raw.*, coalesce(known.product_id, by_ndc.product_id) AS match
    FROM raw_package raw
    LEFT JOIN known ON known.product_id = raw.product_id
    LEFT JOIN by_ndc ON by_ndc.product_ndc = raw.product_ndc
)
SELECT p.product_no, p.drug_key, m.match IS NULL AS orphan, m.ndc, m.description, m.start_date,
    m.end_date, upper(m.sample) AS sample
FROM matched m LEFT JOIN product p ON p.product_id = m.match
WHERE p.product_no IS NOT NULL OR m.match IS NULL
"""
_ORDERED = """
CREATE TABLE ordered AS
SELECT row_number() OVER (ORDER BY drug_key, ndc, product_no, description,
        start_date, end_date, sample) - 1 AS position,
    drug_key, ndc, description, start_date, end_date, sample, product_no
FROM joined WHERE NOT orphan ORDER BY position
"""


def load_products(
    db: duckdb.DuckDBPyConnection,
    lines: Path,
    places: Sequence[int],
    types: tuple[str, ...] | None,
    keep_otc: Callable[[tuple[str, ...]], bool] | None,
) -> int:
    """Fill table ``product`` with the wanted products and their drug keys.

    Args:
        db: the private database.
        lines: the recoded product file without its header.
        places: position of each of `PRODUCT_COLUMNS`, from 1, or 0.
        types: product types to keep, or None for all.
        keep_otc: which over-the-counter products to keep too, by their substances.

    Returns:
        How many lines were too short.
    """
    for statement in _MACROS.split(";\n"):
        if statement.strip():
            db.execute(statement)
    names = (
        "product_id", "product_ndc", "type", "proprietary", "generic", "form", "routes",
        "category", "labeler", "substances", "amounts", "units", "suffix", "classes", "schedule",
        "start_date", "end_date",
    )  # fmt: skip
    malformed = _split_lines(db, "raw_product", lines, names, places, len(PRODUCT_COLUMNS[0]))
    db.execute(_FIRST_OF_EACH)
    db.execute("CREATE TABLE raw_id AS SELECT product_id, product_ndc FROM raw_product")
    kept: list[str] = []
    if keep_otc is not None:
        found = db.execute(_OTC_SUBSTANCES).fetchall()
        kept = [one for (one,) in found if keep_otc(tuple(filter(None, split_list(one))))]
    db.execute("CREATE TABLE kept_otc AS SELECT unnest(?::VARCHAR[]) AS substances", [kept])
    db.execute(_LABELLED, {"every": types is None, "types": [name.upper() for name in types or ()]})
    for statement in _NAMES:
        db.execute(statement, {"plain": _stems(_PLAIN_WORDS)} if "$plain" in statement else {})
    db.execute(_KEYED, {"release": _stems(_RELEASE_WORDS)})
    db.execute(_PRODUCT)
    for table in ("raw_product", "labelled", "worded", "unexplained", "added", "keyed"):
        db.execute(f"DROP TABLE {table}")
    return malformed


def load_packages(
    db: duckdb.DuckDBPyConnection, lines: Path, places: Sequence[int]
) -> tuple[int, int, int]:
    """Fill table ``joined`` with the packages of the wanted products.

    Args:
        db: the private database, its products loaded.
        lines: the recoded package file without its header.
        places: position of each of `PACKAGE_COLUMNS`, from 1, or 0.

    Returns:
        How many lines were too short, how many packages have no product in the product file, and
        how many wanted products have no package.
    """
    names = (
        "product_id", "product_ndc", "ndc", "description", "start_date", "end_date", "sample",
    )  # fmt: skip
    malformed = _split_lines(db, "raw_package", lines, names, places, len(PACKAGE_COLUMNS[0]))
    db.execute(_JOINED)
    db.execute("DROP TABLE raw_package")
    orphans = _number(db, "SELECT count(*) FROM joined WHERE orphan")
    unsold = _number(
        db, "SELECT count(*) FROM product WHERE product_no NOT IN "
        "(SELECT product_no FROM joined WHERE NOT orphan)"
    )  # fmt: skip
    return malformed, orphans, unsold


def order_packages(db: duckdb.DuckDBPyConnection, limit: int | None) -> int:
    """Fill table ``ordered``: every package with its position, from 0, drug by drug.

    Args:
        db: the private database, its packages loaded.
        limit: leave out drugs that begin at or behind this position, or None.

    Returns:
        How many packages are left.
    """
    db.execute(_ORDERED)
    db.execute("DROP TABLE joined")
    if limit is not None:
        db.execute(
            "DELETE FROM ordered WHERE drug_key IN (SELECT drug_key FROM ordered GROUP BY drug_key "
            "HAVING min(position) >= ?)",
            [limit],
        )
    return _number(db, "SELECT count(*) FROM ordered")


def _split_lines(
    db: duckdb.DuckDBPyConnection,
    table: str,
    lines: Path,
    names: Sequence[str],
    places: Sequence[int],
    needed: int,
) -> int:
    quoted = str(lines).replace("'", "''")
    fields = ", ".join(
        f"field(parts, {place}) AS {name}" for name, place in zip(names, places, strict=True)
    )
    shortest = max(places[:needed])
    db.execute(_LINES.format(path=quoted))
    # Names and numbers in these statements are this module's own. Lines that are too short are
    # sorted out afterwards: to split all of them once more takes longer.
    db.execute(
        f"CREATE TABLE {table} AS SELECT {fields}, len(parts) < {shortest} AS short "  # noqa: S608
        "FROM line"
    )
    malformed = _number(db, f"SELECT count(*) FROM {table} WHERE short")  # noqa: S608
    if malformed:
        db.execute(f"DELETE FROM {table} WHERE short")  # noqa: S608
    db.execute(f"ALTER TABLE {table} DROP COLUMN short")
    db.execute("DROP VIEW line")
    return malformed


def _stems(words: str) -> list[str]:
    """Give the words as macro ``words`` does: without a plural's s."""
    return [word.rstrip("s") for word in words.split()]


def _number(db: duckdb.DuckDBPyConnection, query: str) -> int:
    found = db.execute(query).fetchone()
    return int(found[0]) if found else 0

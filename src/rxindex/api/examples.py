"""Examples for the OpenAPI document, made of the types that are sent.

No value is None: FastAPI leaves such properties out.
"""

from __future__ import annotations

from typing import Any

import msgspec

from rxindex.api.answers import DrugRecord, PackageHolders, PackageRecord, Suggestions
from rxindex.search.answer import (
    Alternatives,
    AlternativesOf,
    Answer,
    Correction,
    FacetValue,
    Hit,
    Part,
    Suggestion,
    Understanding,
)

__all__ = [
    "ALTERNATIVES",
    "ANSWER",
    "DRUG",
    "DRUG_ID",
    "FACETS",
    "HOLDERS",
    "SEARCHES",
    "STATUS",
    "SUGGESTIONS",
]

DRUG_ID = "mfzwizltoq2tcmrt"

_NAME = "LIPITOR 20 MG TABLET"
_CLASSES = ("HMG-CoA reductase inhibitor", "statin")

_HIT = Hit(
    id=DRUG_ID, name=_NAME, display=_NAME, brand="LIPITOR", generic="atorvastatin calcium",
    ingredients=("atorvastatin",), strength="20 mg", form="TABLET", routes=("ORAL",),
    classes=_CLASSES, schedule="", kind="brand", status="active", gcn=29968, packages=4,
    score=0.981, match="brand", why=("its brand name is lipitor",), highlights=((0, 7),),
)  # fmt: skip
_GENERIC = msgspec.structs.replace(
    _HIT, id="3kq5jzvw2n7ydx4a", name="ATORVASTATIN 20 MG TABLET",
    display="ATORVASTATIN 20 MG TABLET", brand="", kind="generic", packages=118, score=0.0,
    match="", why=(), highlights=(),
)  # fmt: skip
_OTHER = msgspec.structs.replace(
    _GENERIC, id="w4e7tnbr5soqclya", name="ROSUVASTATIN 10 MG TABLET",
    display="ROSUVASTATIN 10 MG TABLET", generic="rosuvastatin calcium",
    ingredients=("rosuvastatin",), strength="10 mg", gcn=51784, packages=96,
)  # fmt: skip

ANSWER: Any = msgspec.to_builtins(
    Answer(
        query="liptor 20",
        understood=Understanding(
            (Part("lipitor", "brand", ("atorvastatin",)), Part("20", "strength", ("20 mg",))),
            (Correction("liptor", "lipitor", "spelling", 0.93),),
        ),
        hits=(_HIT,),
        total=4,
        next_offset=1,
        corrected="lipitor 20",
        generation="g3",
    )
)

SEARCHES: Any = {
    "name": {"summary": "A name", "value": {"q": "lipitor 20 mg"}},
    "class": {
        "summary": "A class, one hit for each substance",
        "value": {"q": "ACE inhibitor", "group": True, "facets": True, "kind": ["generic"]},
    },
    "exact": {
        "summary": "The word as it is typed",
        "value": {"q": "liptor", "exact": True, "limit": 20},
    },
}

SUGGESTIONS: Any = msgspec.to_builtins(
    Suggestions("lipi", (Suggestion("LIPITOR", "LIPITOR", "brand", "atorvastatin calcium", 16),))
)

_RECORD = DrugRecord(
    id=DRUG_ID, name=_NAME, display=_NAME, brand="LIPITOR", generic="atorvastatin calcium",
    ingredients=("atorvastatin",), strength="20 mg", form="TABLET", routes=("ORAL",),
    classes=_CLASSES, indications=("hypercholesterolemia", "high cholesterol"),
    synonyms=("atorvastatin calcium",), schedule="", kind="brand", gcn=29968, status="active",
    packages=(
        PackageRecord(
            "00071015623", "Parke-Davis Div of Pfizer Inc", "90", "90 TABLET in 1 BOTTLE",
            "1996-12-17", "", "active",
        ),
    ),
)  # fmt: skip
DRUG: Any = msgspec.to_builtins(_RECORD)
HOLDERS: Any = msgspec.to_builtins(PackageHolders("0071-0156-23", (_RECORD,)))

ALTERNATIVES: Any = msgspec.to_builtins(
    Alternatives(
        drug=_HIT,
        equivalents=(_GENERIC,),
        same_ingredients=(),
        same_class=(AlternativesOf("statin", (_OTHER,)),),
        same_indication=(AlternativesOf("hypercholesterolemia", (_OTHER,)),),
    )
)

FACETS: Any = msgspec.to_builtins(
    {
        "form": (FacetValue("TABLET", 6120), FacetValue("CAPSULE", 1844)),
        "schedule": (FacetValue("CII", 402),),
    }
)

_RUN = {
    "run": "0f8b6a2c4d1e", "command": "sync", "catalogue": "drugs", "outcome": "completed",
    "started": "2026-04-01T02:00:00Z", "ended": "2026-04-01T02:01:34Z",
    "snapshot": "2026-04-01T02:00:00Z", "host": "sync-1", "pid": 4711, "error": "", "reason": "",
    "total_processed": 24310, "packages": 171204, "added": 12, "updated": 31,
    "metadata_only": 120, "unchanged": 24147, "deleted": 3, "quarantined": 0, "failed": 0,
    "written": 163, "embedding_calls": 27, "vectors_carried": 0, "drugs_per_second": 258.6,
    "duration": 94.0, "generation": "g3", "source": "mysql://reader:***@db.internal/fdb",
    "model": "all-MiniLM-L6-v2-int8/8199be6f699a", "resumed": False, "next_cursor": "",
}  # fmt: skip

STATUS: Any = {
    "version": "0.3.0",
    "catalogue": "drugs",
    "live": "g3",
    "redis": {
        "version": "8.2.3", "search_version": "2.10.5", "svs": False, "hybrid": False,
        "vector_types": ["float16", "float32"], "workers": 0, "memory": 148897792,
        "max_memory": 0,
    },
    "generations": [
        {
            "name": "g3", "live": True, "drugs": 24310, "dimensions": 384,
            "model": "all-MiniLM-L6-v2-int8/8199be6f699a", "asked": "auto float16",
            "in_effect": "flat float16", "created": "2026-03-03T02:00:00Z", "failures": 0,
            "last_failure": "", "vector_memory": 20971520,
        }
    ],
    "last_run": _RUN,
    "last_completed": _RUN,
    "data_age": 3600.0,
    "follow": {
        "position": "binlog.000042:1337", "committed": "2026-04-01T08:59:58Z",
        "checked": "2026-04-01T09:00:00Z", "updated": "2026-04-01T09:00:00Z", "rows": 5312,
        "drugs": 702, "state": "in step", "lag": 0.4,
    },
    "quarantine": 0,
    "lease": {
        "number": 88, "command": "follow", "host": "sync-1", "pid": 4712,
        "since": "2026-04-01T02:01:36Z", "machine": "",
    },
    "runs": [_RUN],
    "quarantined": [],
}  # fmt: skip

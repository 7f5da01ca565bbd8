"""The built-in mapping for FDB MedKnowledge.

Table names are those of FDB's documentation (``RNDC14_NDC_MSTR``) and the short form that many
loaders use (``rndc14``); either is found, in any case.
"""

from __future__ import annotations

from functools import cache

from rxindex.source.mapping import Mapping, parse_mapping

__all__ = ["FDB_MAPPING", "fdb_mapping"]

#: The mapping, in the form of a mapping file: a start for one of your own.
FDB_MAPPING = """\
# FDB MedKnowledge. One row of rndc14 is one NDC; GCN_SEQNO is the clinical formulation.
table = ["rndc14", "RNDC14_NDC_MSTR"]
group = "GCN_SEQNO"
key = ["LN", "BN", "INNOV"]

# Devices, supplies and some compounds have no formulation (GCN_SEQNO 0). LN, cut to 30
# characters, may then be the same for two products that LN60 tells apart.
ungrouped = "LN"
ungrouped_key = [["LN60", "LN"], "BN", "INNOV"]

[columns]
ndc = "NDC"
name = ["LN60", "LN"]
# Generic Named drug Indicator 1: sold under its generic name, so BN is no brand.
brand = { column = "BN", unless = { GNI = "1" } }
generic = ["ingredient.GNN60", "ingredient.GNN"]
ingredients = { column = ["ingredient.GNN60", "ingredient.GNN"], split = "/" }
strength = ["formulation.STR60", "formulation.STR"]
form = ["dosage_form.GCDF_DESC", "dosage_form.DOSE"]
routes = { column = "route.GCRT_DESC", split = ";" }
innovator = { column = "INNOV", true = "1" }
gcn = "GCN_SEQNO"
labeler = "labeler.MFG"
size = { column = "PS", unit_column = "DF", units = { "1" = "", "2" = "mL", "3" = "g" } }
description = { column = ["PD", "AD"], join = ", " }
start = "DADDNC"
end = "OBSDTEC"
updated = { column = "DUPDC", format = "%Y%m%d" }

[columns.schedule]
column = "DEA"
values = { "0" = "", "1" = "CI", "2" = "CII", "3" = "CIII", "4" = "CIV", "5" = "CV" }

[joins.labeler]
table = ["rlblrid3", "RLBLRID3_LBLR_DESC"]
on = { LBLRID = "LBLRID" }

[joins.formulation]
table = ["rgcnseq4", "RGCNSEQ4_GCNSEQNO_MSTR"]
on = { GCN_SEQNO = "GCN_SEQNO" }

[joins.ingredient]
table = ["rhiclsq1", "RHICLSQ1_HICLSEQNO_MSTR", "rhiclsq2", "RHICLSQ2_HICLSEQNO_MSTR"]
on = { HICL_SEQNO = "formulation.HICL_SEQNO" }

[joins.dosage_form]
table = ["rdosed2", "RDOSED2_DOSE_DESC"]
on = { GCDF = "formulation.GCDF" }

[joins.route]
table = ["rrouted3", "RROUTED3_ROUTE_DESC"]
on = { GCRT = "formulation.GCRT" }

# Enhanced Therapeutic Classification.
[classes]
name = "ETC_NAME"
chain = [
  { table = ["retcgc0", "RETCGC0_ETC_GCNSEQNO"], match = "GCN_SEQNO" },
  { table = ["retctbl0", "RETCTBL0_ETC_ID"], match = "ETC_ID" },
]

# Indications; P marks a proxy, which is no indication of the drug itself.
[indications]
name = ["DXID_DESC100", "DXID_DESC56"]
chain = [
  { table = ["rindmgc0", "RINDMGC0_INDCTS_GCNSEQNO_LINK"], match = "GCN_SEQNO" },
  { table = ["rindmma2", "RINDMMA2_INDCTS_MSTR"], match = "INDCTS", drop = { INDCTS_LBL = "P" } },
  { table = ["rfmldx0", "RFMLDX0_DXID"], match = "DXID" },
]
"""


@cache
def fdb_mapping() -> Mapping:
    """Give the FDB MedKnowledge mapping."""
    return parse_mapping(FDB_MAPPING, "fdb (built in)")

"""Ordinary words: what people say around what they look for.

None of them is a misspelled drug (``question`` is not Questran), and beside a class or a use they
say nothing about which drug is meant. They are kept where they can tell: as words of a name that
is known (``children's tylenol``), and for the model where nothing else is known.
"""

from __future__ import annotations

__all__ = ["EMPTY", "ORDINARY"]

#: Words that never say anything about which drug is meant.
EMPTY = frozenset({
    "a", "an", "and", "any", "are", "drug", "drugs", "for", "from", "give", "i", "in", "is",
    "it", "me", "med", "medication", "medications", "medicine", "medicines", "meds", "my",
    "need", "of", "on", "or", "patient", "plus", "rx", "something", "some", "that", "the",
    "to", "treat", "treating", "treatment", "used", "versus", "vs", "what", "which", "with",
})  # fmt: skip

#: Kept short: the commonest words of English, and those of patients' and prescribers' talk.
ORDINARY = frozenset(
    """
    able about above across adult adults after again against age aged all allow almost also always
    am american among another anyone anything around ask at available avoid away baby babies back
    bad bag be because become been before begin being below best better between big bit black blue
    boy boys brown but buy by call called calm came can cannot care case cause caused causes
    causing certain change cheap cheaper child children choice clear clinic come coming common
    control could country course day days decrease dinner discharge do doctor does doing done
    don't down during each early easy effect effective either else emergency end enough even
    evening ever every everyone everything expensive fast feel feeling feels felt few find first
    follow food former friendly get gets getting girl girls go goes going good got great green
    had half hard has have having he health healthy heavy help helping helps her here high him his
    home hospital hour hours house how hurt hurting hurts if immediate improve increase infant
    infants inside instead into its just keep kid kids kind know known large last late lately
    later least left less let like list little living long longer look looking lot low lower
    lowering lowers made main make makes making man many may maybe mean means men might mild
    minute minutes moderate moment month months more morning most mother much must name names
    near never new next night no non none not nothing now nurse off offer often old older once
    one only onset open other others our out outside over own parent part people person pharmacy
    pink place please possible pregnancy pregnant prescribe prescribed prescription prevent
    preventing prevents price primary problem problems professional public put question quick
    quickly rather ready really reason recommend recommended red reduce reduces reducing regular
    right risk round safe safer safest same say second see senior serious service severe she
    should show side simple since single small so someone sometimes soon start started starting
    still stop stopped stopping strong stronger strongest study such suffering support sure
    surgery take taken takes taking talk tell than their them then there these they thing things
    think third this those though through time times today together tomorrow too took top toward
    tried true try trying turn twice two type types under unless until up upon us use useful uses
    using usual usually very visit wait walk want wanted wants was way we week weekly weeks well
    went were when where while white who whole whom why will winter without woman women work
    working works worse worst would year years yellow yes yet you young your
""".split()
)

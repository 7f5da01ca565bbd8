"""No text, however odd, raises a syntax error or changes a query's meaning on a real server."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import command
from rxindex.index.escape import tag, words
from rxindex.index.schema import IndexSettings

HARD = st.text(alphabet="a1 -*%|(){}[]@:;'\"~=>\\,.!&^$#+/_é", max_size=20)


@given(st.one_of(HARD, st.text(max_size=20)), st.booleans())
@example("*", False)
@example("@name:x", True)
@example("a) | (*", True)
@example("the", False)
@example("_", False)
def test_any_text_is_searched_as_text(
    catalogue: Catalogue, capabilities: Capabilities, text: str, prefix: bool
) -> None:
    live = catalogue.live()
    if live is None:
        live = catalogue.create("fake", 2, IndexSettings(), capabilities, texts=1).name
        catalogue.point_alias(live)
        catalogue.client.hset(
            catalogue.prefix(live) + "x", mapping={"name": "unrelated", "brand": "unrelated"}
        )

    def search(query: str) -> int:
        reply = command(
            catalogue.client, "FT.SEARCH", catalogue.alias, query, "LIMIT", 0, 0, "DIALECT", 2
        )
        return int(reply[0])

    if written := words(text, prefix=prefix):
        assert search(f"@name|brand:({written})") == 0
    try:
        value = tag(text)
    except ValueError:
        return
    assert search(f"@brand_is:{{{value}}}") == 0

"""A search as it comes over HTTP: query parameters, or a JSON object."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from starlette.datastructures import QueryParams

from rxindex.search.request import (
    LONGEST_QUERY,
    MOST_HITS,
    MOST_OFFSET,
    MOST_VALUES,
    SearchRequest,
)

__all__ = ["QueryText", "SearchBody", "SearchParameters", "read_query"]

QueryText = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_QUERY)]

_Values = Annotated[list[QueryText], Field(max_length=MOST_VALUES)]


class SearchParameters(BaseModel):
    """The query parameters of a search. A filter that is given several times has several values."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    q: QueryText = Field(
        description="What a prescriber typed: a name, an abbreviation, a class, a use, an NDC, "
        "with strength, form, route or schedule.",
        examples=["lipitor 20 mg", "ACE inhibitor", "0071-0155-23"],
    )
    limit: int = Field(10, ge=1, le=MOST_HITS, description="How many hits.")
    offset: int = Field(
        0, ge=0, le=MOST_OFFSET, description="How many hits to leave out before the first."
    )
    exact: bool = Field(
        False, description="Take the words as they are typed: no correction, no sound, no meaning."
    )
    facets: bool = Field(False, description="Count the values of each facet over all that matched.")
    group: bool = Field(
        False,
        description="One hit for each set of ingredients, which says how many more there are.",
    )
    form: _Values = Field(
        [], description="Dosage forms, as hits and facets write them.", examples=[["TABLET"]]
    )
    route: _Values = Field([], description="Routes of administration.", examples=[["ORAL"]])
    class_: _Values = Field([], alias="class", description="Class names.", examples=[["statin"]])
    schedule: _Values = Field([], description="DEA schedules.", examples=[["CII"]])
    kind: _Values = Field([], description="`brand` or `generic`.", examples=[["generic"]])
    labeler: _Values = Field([], description="Who sells one of its packages.")
    strength: _Values = Field([], description="One ingredient's strength.", examples=[["20 mg"]])
    ingredient: _Values = Field(
        [],
        description="Active ingredients.",
        examples=[["atorvastatin"]],
    )
    composition: _Values = Field(
        [],
        description="Exactly these active ingredients and no others: opens one group of a grouped "
        "search.",
        examples=[["lisinopril", "hydrochlorothiazide"]],
    )
    active: bool = Field(False, description="Leave out drugs of which every package is obsolete.")

    def request(self) -> SearchRequest:
        """Give the search that is asked for."""
        return msgspec.convert(self.model_dump(by_alias=True, exclude_unset=True), SearchRequest)


def read_query(query: QueryParams) -> SearchParameters:
    """Read the parameters of a query string.

    FastAPI could do this, and takes five times as long for it: it looks at each field anew with
    each request, and a search has many fields of which few are given.

    Raises:
        RequestValidationError: some are wrong, or not known.
    """
    given: dict[str, str | list[str]] = dict(query)
    given |= {name: query.getlist(name) for name in _LISTS if name in given}
    try:
        return SearchParameters.model_validate(given)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        raise RequestValidationError(
            [dict(one) | {"loc": ("query", *one["loc"])} for one in faults]
        ) from error


class SearchBody(SearchParameters):
    """A search as a JSON object, without any conversion of types."""

    model_config = ConfigDict(strict=True)


#: Names of the parameters that may be given several times.
_LISTS = frozenset(
    field.alias or name
    for name, field in SearchParameters.model_fields.items()
    if field.annotation == list[QueryText]
)

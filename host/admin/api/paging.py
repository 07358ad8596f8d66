"""Lists come in pages: so many items after the last one of the page before."""

from collections.abc import Callable, Iterable
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from host.admin.api.route_spec import Page

T = TypeVar("T")

Limit = Annotated[int, Meta(ge=1, le=500, description="How many items at most.")]
Cursor = Annotated[str, Meta(max_length=200, description="The `next_cursor` of the page before.")]


class PageQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One page of a list."""

    limit: Limit = 100
    cursor: Cursor = ""


def page(items: Iterable[T], query: PageQuery, key: Callable[[T], str]) -> Page[T]:
    """The part of a list that was asked for. The list may change between two pages: no item is shown twice.

    Args:
        items: All of them.
        query: Which part.
        key: What they are sorted by, different for each.
    """
    after = sorted((item for item in items if not query.cursor or key(item) > query.cursor), key=key)
    shown = after[: query.limit]
    return Page(items=shown, next_cursor=key(shown[-1]) if len(after) > len(shown) else None)

"""Central's books as a fold of the set of events: the same set, in whatever order it arrived, gives the same books.

Events are taken in canonical order (`Event.order`). Each instrument folds on its own (`card`, `voucher`), given which
redemptions a grant or an answer covers (`cover`); `books` puts them together.
"""

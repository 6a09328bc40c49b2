"""Keep opaque records safe on disk until every destination has taken them."""

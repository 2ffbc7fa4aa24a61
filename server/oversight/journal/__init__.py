"""The journal: append-only segment files that make a reply a promise, and the drain that empties them."""

"""Statistics of outcomes: pure functions of counts and arrays."""

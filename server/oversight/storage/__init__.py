"""The store: what lasts of decisions and outcomes, and the snapshots they can be replayed from."""

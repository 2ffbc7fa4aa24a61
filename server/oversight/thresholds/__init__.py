"""What changing thresholds and stops means: what is checked, what it does to decisions, and who may do it."""

"""The public Python client of Oversight."""

"""Oversight: policy decisions for the human oversight of AI in contact centres."""

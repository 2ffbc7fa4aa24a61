"""What outcomes teach: use cases over the evidence."""

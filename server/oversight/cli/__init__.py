"""The `oversight` command."""

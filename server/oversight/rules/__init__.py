"""Rule files: from YAML to checked policies, with file and line for everything that is wrong."""

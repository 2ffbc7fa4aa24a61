"""Composition roots: build, start and stop the processes of the server; nothing else does."""

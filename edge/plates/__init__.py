"""Plates that are looked for: the list on the disk, the reader's worker, hits and their review."""

"""Bundles: one signed file (`.peb`) with what is flashed onto units."""

"""Flashing: a bundle is checked, staged in the free slot, tried, and kept or taken back."""

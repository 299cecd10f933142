"""Figures to hold the product to. `make bench` runs every module here that has `measure()`."""

"""Trials that try to break what the product promises: `make torture`, `make torture-night`."""

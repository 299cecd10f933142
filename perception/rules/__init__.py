"""Zones and rules: what is worth an alert, told once per episode."""

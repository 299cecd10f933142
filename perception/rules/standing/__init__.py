"""Vehicles that stand, and those that are still there when the unit comes by again."""

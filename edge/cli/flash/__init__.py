"""Commands that flash a unit: bundles, slots, first boot."""

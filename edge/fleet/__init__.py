"""A simulated fleet for load tests of a hub: many units, their lives, their links, one process."""

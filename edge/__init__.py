"""The composition: workers, wiring, health, the command line. Holds no domain logic."""

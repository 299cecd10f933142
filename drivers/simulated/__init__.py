"""Devices that are programs, to test and to train with: autopilots, cameras, cars, robots."""

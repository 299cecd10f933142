"""Drones, rovers and boats whose autopilot speaks MAVLink (mavlink.io)."""

"""Robots: over our own line protocol, and through a rosbridge."""

"""Boards that are programs: they speak both planes, and fail when told to."""

"""Cameras of this computer, of the network and in files, as frames."""

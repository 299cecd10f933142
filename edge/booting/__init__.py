"""Starting the unit: which runtime and configuration, and what if it does not stay up."""

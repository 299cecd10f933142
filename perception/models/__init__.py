"""Model files that ship with the product, as data, each with its card and licence."""

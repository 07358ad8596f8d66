"""The lowest layer, used by all others: errors, clock, addresses, paths, encodings, signals."""

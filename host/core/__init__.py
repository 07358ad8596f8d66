"""What every layer uses and what uses no other layer: errors, clock, addresses, paths, encodings, signals."""

"""Packs: shared memory, the layout of what lies in it, and who still needs it."""

"""Inputs: where records come from. One file per type."""

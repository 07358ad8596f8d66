"""Trials: run one script in a jailed process of its own on given records or messages."""

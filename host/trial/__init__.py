"""Trials: one script, run in a jailed process of its own against records or messages that somebody gives."""

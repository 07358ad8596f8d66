"""Replays recorded logs through a configuration, in the time of their records."""

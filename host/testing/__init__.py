"""Helpers for tests of inputs and outputs, also for plugin authors."""

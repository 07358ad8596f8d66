"""Loads plugins and configuration changes while data flows."""

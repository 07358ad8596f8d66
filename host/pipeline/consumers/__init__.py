"""Consumers: the filters and outputs behind the router, each with a queue of its own."""

"""Benchmarks of `make bench`: whole pipelines, memory, latency, peers, and single components."""

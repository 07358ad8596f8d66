"""Errors of benchmarks."""


class BenchmarkError(Exception):
    """Raised when a job failed or its output is wrong, so that there is no figure."""

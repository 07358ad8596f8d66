"""What goes wrong in a benchmark."""


class BenchmarkError(Exception):
    """A job failed, or its output is wrong: there is no figure."""

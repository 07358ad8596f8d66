"""`hekate` that kills itself at a named point: `python -m tests.crashing POINT COUNT run ...`.

POINT is `before` or `after`, then a module and a method, such as `after:host.delivery.checkpoints:Checkpoints._write`.
With the call of that number the process dies of SIGKILL: before the method does anything, or when it has returned.
"""

import functools
import importlib
import itertools
import os
import signal
import sys


def crash_at(point, count):
    """Have the process die at a point."""
    when, module, path = point.split(":")
    owner_name, method_name = path.split(".")
    owner = getattr(importlib.import_module(module), owner_name)
    method = getattr(owner, method_name)
    calls = itertools.count(1)

    @functools.wraps(method)
    def crashing(*args, **kwargs):
        is_last = next(calls) == count
        if is_last and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = method(*args, **kwargs)
        if is_last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, method_name, crashing)


if __name__ == "__main__":
    from host.cli.main import main

    crash_at(sys.argv[1], int(sys.argv[2]))
    sys.argv[1:3] = []
    main()

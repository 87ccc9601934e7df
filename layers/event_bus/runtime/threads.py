"""The threads in which a function does several things side by side."""

import concurrent.futures


def threads(workers: int = 8) -> concurrent.futures.Executor:
    """Makes an executor.

    Args:
        workers: How many things it does at a time.
    """
    return concurrent.futures.ThreadPoolExecutor(workers)

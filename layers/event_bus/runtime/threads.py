"""Thread pools for parallel work in a function."""

import concurrent.futures


def threads(workers: int = 8) -> concurrent.futures.Executor:
    """Makes an executor.

    Args:
        workers: The number of threads.
    """
    return concurrent.futures.ThreadPoolExecutor(workers)

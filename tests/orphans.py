"""Has processes end with the process that started them, however that one ends."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def end_with(parent: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Has this process get a signal when the process that started it ends.

    Only Linux can do this; elsewhere nothing happens. The signal also comes when the thread ends
    that started this process.

    Args:
        parent: The process that started this one.
        number: The signal.
    """
    if sys.platform != "linux":
        return
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent:
        # It has ended meanwhile.
        os.kill(os.getpid(), number)

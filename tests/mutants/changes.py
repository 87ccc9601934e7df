"""Tells what mutants change, as diffs; mutmut's own command does it for one at a time.

Run it in the folder in which mutmut has run. It reads the names of mutants from its input, and
writes an object of JSON with their diffs.
"""

import json
import sys
from collections.abc import Iterable

from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.utils.file_utils import walk_mutatable_files


def diffs(names: Iterable[str]) -> dict[str, str]:
    """The diffs of mutants, by their names."""
    asked, found = set(names), {}
    for path in walk_mutatable_files():
        mutants = SourceFileMutationData(path=path)
        mutants.load()
        for name in asked & mutants.exit_code_by_key.keys():
            found[name] = get_diff_for_mutant(name, path=path)
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(diffs(sys.stdin.read().split())))

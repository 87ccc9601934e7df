"""Prints what mutants change, as diffs; mutmut's own command does it for one at a time.

Run it in the folder in which mutmut has run: `python -m tests.mutants.changes NAME...`.
"""

import sys

from mutmut.mutation.diff_apply import find_mutant, get_diff_for_mutant

if __name__ == "__main__":
    for name in sys.argv[1:]:
        change = get_diff_for_mutant(name, path=find_mutant(name).path)
        sys.stdout.write(f"# {name}\n{change}\n")

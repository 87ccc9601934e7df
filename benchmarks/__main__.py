"""Every benchmark, one after the other: `python -m benchmarks`."""

import sys

from benchmarks import (
    archive,
    background,
    cold_start,
    contention,
    cost,
    features,
    json_bodies,
    matching,
    pipeline,
    processor,
    standing,
    states,
)

if __name__ == "__main__":
    worse = False
    for benchmark in (
        cost,
        features,
        standing,
        archive,
        states,
        processor,
        pipeline,
        cold_start,
        matching,
        json_bodies,
        contention,
        background,
    ):
        try:
            benchmark.main()
        except SystemExit:
            # It has printed what is worse than documented; the other benchmarks still run.
            worse = True
    sys.exit(worse)

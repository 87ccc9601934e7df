"""Every benchmark, one after the other: `python -m benchmarks`."""

from benchmarks import cold_start, matching, pipeline

if __name__ == "__main__":
    matching.main()
    pipeline.main()
    cold_start.main()

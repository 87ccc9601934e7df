"""Every benchmark, one after the other: `python -m benchmarks`."""

from benchmarks import matching, pipeline

if __name__ == "__main__":
    matching.main()
    pipeline.main()

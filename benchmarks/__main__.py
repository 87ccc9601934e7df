"""Every benchmark, one after the other: `python -m benchmarks`."""

from benchmarks import cold_start, cost, matching, pipeline, processor, standing

if __name__ == "__main__":
    cost.main()
    standing.main()
    processor.main()
    pipeline.main()
    cold_start.main()
    matching.main()

"""`make bench`: how fast syncd is, as ratios to a floor measured in the same run. Writes docs/benchmarks.md."""

"""The parts of the benchmark, one file each: `measure(place)` gives its rows."""

"""The trading core: deterministic, without I/O, without clocks, without knowledge of LEAN's API."""

"""Runs as LEAN writes them: orders, order events and charts as JSON in LEAN's spelling. Pure, no I/O."""

"""The pieces of bench/feed_throughput.py: frames, a sender, the clients that are compared."""

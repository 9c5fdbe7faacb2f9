"""What a run was worth: samples while it runs, statistics of them, and what they are compared with."""

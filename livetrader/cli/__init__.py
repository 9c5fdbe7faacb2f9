"""The command line, `livetrader`: `main` has the group, the other modules its commands."""

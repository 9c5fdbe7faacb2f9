"""Run the command line: `python -m livetrader`."""

from livetrader.cli import main

if __name__ == "__main__":
    main()

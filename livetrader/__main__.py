"""Run the command line: `python -m livetrader`."""

from livetrader.cli.main import main

if __name__ == "__main__":
    main()

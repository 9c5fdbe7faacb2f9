"""A scripted week at Interactive Brokers: script.py, played by week.py, written down by document.py."""

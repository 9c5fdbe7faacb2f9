"""Work on a data folder: download into it, make data up, look for what is wrong: `livetrader data`."""

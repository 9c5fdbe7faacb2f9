"""Several histories as one, over a store; and the commands that fill and judge a folder."""

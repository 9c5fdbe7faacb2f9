"""Parameters of the algorithm that change while it runs: read elsewhere, judged, audited, delivered."""

"""The kill switch against a TWS peer: fifty positions, fifty working orders, and something goes wrong."""

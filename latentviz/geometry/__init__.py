"""Where features lie: their lengths and directions."""

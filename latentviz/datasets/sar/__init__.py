"""Radar images of vehicles: what their file names say, and the files that only radar people write."""

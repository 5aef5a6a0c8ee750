"""What the pages share: pickers, caches, the jobs panel and the map."""

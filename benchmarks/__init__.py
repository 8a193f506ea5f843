"""Every figure the README claims, measured as ratios in one run."""

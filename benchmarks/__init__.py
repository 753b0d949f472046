"""Ratios against peers, measured side by side in one run; never absolute times, for machines are noisy."""

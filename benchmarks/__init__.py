"""Ratios against peers, measured side by side in one run.

They are never absolute times, for machines are noisy.
"""

"""The run folder: what is printed, for whom, what goes back, and what is published with it."""

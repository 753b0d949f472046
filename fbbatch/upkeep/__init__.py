"""What an administrator does besides runs: verify, back up, restore, export, anonymise.

Only `cli` uses it. Decisions are pure (`agreement`); the modules named like commands read and
write.
"""

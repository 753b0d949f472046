"""Document → bytes. Knows blocks and looks; knows nothing of cases, rules or the ledger."""

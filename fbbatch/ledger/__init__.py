"""The ledger: everything that happened, in SQL, append-only. The only room that speaks SQL."""

from fbbatch.ledger.store import Ledger, RunRecord, copy_ledger

__all__ = ["Ledger", "RunRecord", "copy_ledger"]

"""Removes a run that has not finished and came to nothing."""

from typing import Any

from sqlalchemy import Connection, Select, select

from fbbatch.ledger import tables as t
from fbbatch.ledger.rewriting import rewriting
from fbbatch.ledger.store import Ledger, RunRecord

_COMES_OF_A_RUN = (
    t.case,
    t.transition,
    t.classification,
    t.amendment,
    t.document,
    t.summary_day,
    t.waiting_form,
)
_OF_A_FILE = (
    t.submission,
    t.sheet,
    t.finding,
)
_NOTED_BY_A_RUN = (
    t.file,
    t.reminder,
)


def give_up(ledger: Ledger, run: RunRecord, *, with_files: bool) -> bool:
    """Remove an unfinished run of which no case, no step and no document has come.

    Args:
        ledger: the company's.
        run: an unfinished run; what it has looked at is still in the inbox, for it published
            nothing.
        with_files: also where it has noted files; they are judged anew by the next run.

    Returns:
        False when it has recorded more; then it stays.
    """
    with ledger.reading() as connection:
        if _has_come(connection, run.id):
            return False
        if not with_files and _is_any(connection, _files(run.id)):
            return False
    with rewriting(ledger, keep=True) as connection:
        _remove(connection, run.id)
    return True


def _has_come(connection: Connection, run_id: int) -> bool:
    """Whether anything has come of the run that stays.

    That is a case, a step, a form, a document, or the link of a submission to a case.
    """
    for table in _COMES_OF_A_RUN:
        of_run = table.c.run_id == run_id
        if _is_any(connection, select(table).where(of_run)):
            return True
    letters = t.correspondence
    of_submissions = letters.c.submission_id.in_(_submissions(run_id))
    return _is_any(connection, select(letters).where(of_submissions))


def _is_any(connection: Connection, rows: Select[Any]) -> bool:
    first = connection.execute(rows.limit(1)).first()
    return first is not None


def _remove(connection: Connection, run_id: int) -> None:
    """Remove the run and what it has noted.

    What points to something goes before it: prints to submissions, these to files, and all to the
    run.
    """
    prints = t.fingerprint
    of_submissions = prints.c.submission_id.in_(_submissions(run_id))
    connection.execute(prints.delete().where(of_submissions))
    for table in _OF_A_FILE:
        of_files = table.c.file_id.in_(_files(run_id))
        connection.execute(table.delete().where(of_files))
    for table in _NOTED_BY_A_RUN:
        of_run = table.c.run_id == run_id
        connection.execute(table.delete().where(of_run))
    connection.execute(t.run.delete().where(t.run.c.id == run_id))


def _files(run_id: int) -> Select[tuple[int]]:
    """The files that the run has noted, by their ids."""
    file = t.file.c
    return select(file.id).where(file.run_id == run_id)


def _submissions(run_id: int) -> Select[tuple[int]]:
    """What stood in these files, by its ids."""
    submission = t.submission.c
    within = submission.file_id.in_(_files(run_id))
    return select(submission.id).where(within)

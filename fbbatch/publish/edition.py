"""What a run publishes: everything it owes, printed, and moved into the outbox as one folder.

What is owed is derived from the ledger each time, so that a run that is done again publishes the
same.
"""

import contextlib
import datetime as dt
from collections.abc import (
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from fbbatch import __version__, outbox, workers
from fbbatch.codes import Subject, code_line
from fbbatch.deadlines import Calendar
from fbbatch.documents import (
    Receipt,
    blank_forms,
    manifest,
    receipt_workbook,
    run_page,
    summary_document,
    summary_workbook,
    tracking_workbook,
    worklist,
)
from fbbatch.documents.register import BlankFile
from fbbatch.ledger import Ledger, RunRecord
from fbbatch.model import Case, Facts, FileOutcome, IssuedDocument, Reminder
from fbbatch.publish import press
from fbbatch.publish.press import Order, Press, Printed
from fbbatch.publish.returning import going_back
from fbbatch.publish.vouching import key_of, origin_of
from fbbatch.render import excel, html
from fbbatch.render.blocks import Document, WorkBook
from fbbatch.stopping import Ask, attended, never
from fbbatch.workers import WorkerLostError
from fbbatch.workflow.gates import LEADERS
from fbbatch.workflow.matter import Matter, matter_of
from fbbatch.workflow.owed import (
    Owed,
    brings_result,
    has_result,
    owed_by_moved,
    owed_by_new,
)
from fbbatch.workflow.reminders import LEADER, Chaser, Waiting, fresh_reminders
from fbbatch.workspace import Workspace

_IN_PROCESS = 12  # so few cases are printed faster here than by starting workers
_PRESS_MEMORY, _PRESS_SECONDS = 1_500_000_000, 300
_LONGEST_GAP_DAYS = 366
_SURVEY_LEEWAY_DAYS = (
    31  # a workspace that begins later than this within a period waits for the next
)
_MEDIA = {".xlsx": press.EXCEL, ".docx": press.WORD, ".pdf": press.PDF}

Item = TypeVar("Item")
Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


class Edition:
    """The documents of one run.

    Args:
        shop: the workspace.
        ledger: what it knows.
        record: the run.
        progress: told how many documents are printed.
        ask: called before each document and while a large one is made; may raise to end the run.
    """

    def __init__(
        self,
        shop: Workspace,
        ledger: Ledger,
        record: RunRecord,
        progress: Progress,
        ask: Ask = never,
    ) -> None:
        self.shop = shop
        self.ledger = ledger
        self.record = record
        self.progress = progress
        self.ask = ask
        self.office = shop.office
        self.printing = Press(self.office, shop.templates, record.as_of, shop.codes, record.name)

    def publish(
        self, receipt: Receipt, originals: Mapping[str, Path]
    ) -> tuple[dict[str, Any], Path]:
        """Print what the run owes and move it into the outbox as one folder.

        Args:
            receipt: what the run did.
            originals: where the files that still lie in the inbox are, by name.
        """
        out = _Folder(outbox.Draft(self.shop.folder, self.record.name), self.ask)
        jobs = self.orders(receipt)
        self.put_orders(out, jobs)
        days = self.summary_days(self.record.as_of.date())
        self.put_summaries(out, receipt, days)
        self.put_survey(out)
        returned = going_back(
            self.shop, self.ledger, self.record, receipt.files, originals, ask=self.ask
        )
        for item in returned:
            out.keep(item)
        ledger_path = self.put_lists(out) if self.is_news() else None
        receipt_path = self.put_receipt(out, receipt)
        manifest = self.manifest(receipt, out.issued)
        ids = {job.matter.number: job.matter.facts.id for job in jobs}
        sha256 = out.draft.manifest(manifest)
        self.ledger.record_documents(self.record, out.issued, ids, days, manifest_sha256=sha256)
        folder = out.draft.publish(self.ask)
        newest = [receipt_path, *self.newest_summaries(out, days)]
        newest += [ledger_path] if ledger_path else self.kept("tracking_ledger")
        newest += [] if days else self.kept("summary")
        outbox.refresh_latest(
            self.shop.folder,
            folder,
            [*newest, "index.html", outbox.MANIFEST],
            based="index.html",
        )
        return manifest, folder

    # --- what goes into the folder, part by part --------------------------------------

    def put_orders(self, out: "_Folder", jobs: Sequence[Order]) -> None:
        """The documents that matters owe."""
        for number, done in enumerate(self.finish(out.draft, self.printing, jobs), 1):
            out.missing.update(done.missing)
            out.issued += done.documents
            self.progress("documents", number, len(jobs))

    def put_summaries(self, out: "_Folder", receipt: Receipt, days: Sequence[dt.date]) -> None:
        """The summary of each of these days."""
        for day in days:
            cases = receipt.cases
            if not self.is_only_run_of(day):
                cases = list(self.each(self.ledger.cases(registered_on=day)))
            for item in self.print_summary(self.printing, cases, day):
                out.keep(item, period=day.isoformat())

    def put_survey(self, out: "_Folder") -> None:
        """The questionnaire, where its period has begun."""
        today = self.record.as_of.date()
        folder = self.shop.templates["register"].folder
        for blank in self.survey(today):
            path = f"{folder}/{blank.path}"
            out.issued.append(
                IssuedDocument(
                    blank.kind,
                    blank.number,
                    path,
                    _MEDIA[Path(blank.path).suffix],
                    out.draft.write(path, blank.content),
                    form=True,
                    period=today.isoformat(),
                )
            )

    def put_lists(self, out: "_Folder") -> str:
        """The work lists and the tracking ledger; where the latter stands."""
        today = self.record.as_of.date()
        in_hand, others = self.in_hand()
        for department, document in self.worklists([*in_hand, *others], out.issued):
            path = self.printing.place("worklist", document.title, today, department)
            both = self.printing.both(document, path, department=department)
            printed: list[Printed] = self.made(partial(list, both))
            for item in printed:
                out.keep(item, period=today.isoformat())
        item = self.print_ledger(in_hand, others)
        out.keep(item)
        return item.path

    def put_receipt(self, out: "_Folder", receipt: Receipt) -> str:
        """The receipt and the page for people, which tell of all the rest; where the former is."""
        told_last = replace(receipt, glyphs="".join(sorted(out.missing)))
        printed = self.made(lambda: self.print_receipt(told_last))
        out.keep(printed)
        out.keep(self.made(lambda: self.print_index(receipt, out.issued)))
        return printed.path

    def newest_summaries(self, out: "_Folder", days: Sequence[dt.date]) -> list[str]:
        """Where the summary of the last of these days stands."""
        period = days[-1].isoformat() if days else None
        return [d.path for d in out.issued if d.kind == "summary" and d.period == period]

    def each(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items one by one, each after the run was asked whether to stop."""
        for item in items:
            self.ask()
            yield item

    def made(self, work: Callable[[], Item]) -> Item:
        """What is made in one step, which may take long."""
        return attended(self.ask, work)

    def finish(
        self, draft: outbox.Draft, printing: Press, orders: Sequence[Order]
    ) -> Iterator[outbox.Vouched]:
        """The documents of each order, in the draft.

        As an interrupted attempt has left them, where that is the same; or printed now.
        """
        origin = origin_of(self.shop, printing)
        keys = [key_of(order, origin) for order in self.each(orders)]
        known = draft.resume(set(keys))
        wanted = [order for order, key in zip(orders, keys, strict=True) if key not in known]
        with contextlib.closing(self.print_all(printing, wanted)) as printed:
            for key in self.each(keys):
                done = known.get(key)
                if done is None:
                    files = next(printed)
                    documents = tuple(_written(draft, item) for item in files)
                    done = outbox.Vouched(documents, "".join(item.missing for item in files))
                    draft.vouch(key, *done)
                yield done

    def matter(self, facts: Facts) -> Matter:
        """A matter with all its steps."""
        return matter_of(self.shop.book, facts, self.ledger.history(facts))

    def in_hand(self) -> tuple[list[Matter], list[Matter]]:
        """The cases in hand, and the other matters."""
        book = self.shop.book
        cases = [matter_of(book, *told) for told in self.ledger.open_cases()]
        return cases, [matter_of(book, *told) for told in self.ledger.matters(in_hand=True)]

    def orders(self, receipt: Receipt) -> list[Order]:
        """The documents that new cases owe, and those that a form or time has moved."""
        orders = []
        for case in self.each(receipt.cases):
            papers = self.shop.papers_of(case)
            if owed := owed_by_new(case, reports=papers.reports, forms=papers.forms):
                orders.append(Order(self.matter(case), owed))
        again = _stale_forms(receipt.files)
        moved = [self.matter(case) for case in self.each(receipt.moved)]
        known = {matter.number for matter in moved}
        for number in again:
            if number not in known:
                moved += map(self.matter, self.ledger.cases(number=number))
        for matter in self.each(moved):
            orders += self.orders_of_case(matter, again.get(matter.number, ()))
        for told in self.each(self.ledger.matters(moved_by=self.record)):
            matter = matter_of(self.shop.book, *told)
            if owed := self.owed(matter, again.get(matter.number, ())):
                orders.append(Order(matter, owed))
        return orders

    def owed(self, matter: Matter, again: Sequence[str]) -> tuple[Owed, ...]:
        """What a matter owes that has moved, or of which an old form has come back."""
        return owed_by_moved(
            matter,
            self.record.name,
            self.ledger.issues(matter.facts, before=self.record),
            self.shop.book,
            reports=self.shop.papers_of(matter.facts).reports,
            again=again,
        )

    def orders_of_case(self, matter: Matter, again: Sequence[str]) -> Iterator[Order]:
        """The documents of a case that has moved, and of those that were merged into it."""
        owed = self.owed(matter, again)
        letters = tuple(one for one in owed if one.kind == "reply")
        if letters and (result := self.result_of_main(matter)):
            yield Order(matter.told_by(result), letters)
            yield from self.orders_of_merged(matter.case, result)
            owed = tuple(one for one in owed if one not in letters)
        if owed:
            yield Order(matter, owed)
        if brings_result(matter, self.record.name):
            yield from self.orders_of_merged(matter.case, matter)

    def result_of_main(self, matter: Matter) -> Matter | None:
        """The case into which this one was merged, once it has a result."""
        number = matter.standing.main_case
        found = self.ledger.first_case(number=number) if number else None
        if found is None:
            return None
        main = self.matter(found)
        return self.result_of_main(main) or (main if has_result(main) else None)

    def orders_of_merged(self, main: Case, result: Matter) -> Iterator[Order]:
        """Everybody whose case was merged into this one is told its result, too. Source: 5.5.1a."""
        for case in self.ledger.merged_into(main):
            matter = self.matter(case)
            is_new = any(
                step.run == self.record.name and step.details.main_case for step in matter.history
            )
            if matter.standing.main_case == main.number and not is_new:
                issue = self.ledger.issues(case, before=self.record).get("reply", 0) + 1
                yield Order(matter.told_by(result), (Owed("reply", issue),))
                yield from self.orders_of_merged(case, result)

    def print_all(
        self, printing: Press, jobs: Sequence[Order]
    ) -> Generator[list[Printed], None, None]:
        """The owed documents of each order, printed here or, when there are many, in workers."""
        if len(jobs) <= _IN_PROCESS:
            yield from (list(printing.print_jobs([job])) for job in self.each(jobs))
            return
        size = press.CASES_PER_TASK
        tasks = [jobs[n : n + size] for n in range(0, len(jobs), size)]
        job = workers.Job(
            "fbbatch.publish.press:work",
            printing,
            _PRESS_MEMORY,
            _PRESS_SECONDS,
            _PRESS_SECONDS,
        )
        answers = workers.run_tasks(
            tasks,
            job,
            jobs=min(self.shop.settings.jobs, len(tasks)),
            ask=self.ask,
        )
        with contextlib.closing(answers):
            for answer in answers:
                n_done, files = 0, list[Printed]()
                with contextlib.suppress(WorkerLostError):  # then the others are printed here
                    for frame in answer.frames:
                        if item := press.printed(frame):
                            files.append(item)
                            continue
                        yield files
                        n_done, files = n_done + 1, []
                yield from (
                    list(printing.print_jobs([left])) for left in self.each(answer.task[n_done:])
                )

    def is_only_run_of(self, day: dt.date) -> bool:
        """True when every case of the day is one of this run."""
        return day == self.record.as_of.date() and self.record.name.endswith("-001")

    def summary_days(self, today: dt.date) -> list[dt.date]:
        """The days that get a summary now.

        Today, and working days since the last one (zero reports).

        Source: 3.3.1a.
        """
        calendar = Calendar(self.shop.book.calendar)
        last = self.ledger.last_summary_day(before=self.record)
        asks = any(one.run == self.record.name for one in self.ledger.waiting_forms())
        if last and last >= today and not asks and not self.ledger.has_moved(self.record):
            return []  # the day's summary stands as it is
        first = (
            today
            if last is None or last >= today
            else max(
                last + dt.timedelta(days=1),
                today - dt.timedelta(days=_LONGEST_GAP_DAYS),
            )
        )
        every = [first + dt.timedelta(days=n) for n in range((today - first).days + 1)]
        if self.shop.settings.daily_summary == "every_day":
            return every
        is_asked = {today} if asks else set()
        return [
            d
            for d in every
            if calendar.is_working_day(d)
            or d in is_asked
            or self.ledger.first_case(registered_on=d)
        ]

    def print_summary(
        self, printing: Press, cases: Sequence[Case], day: dt.date
    ) -> Iterator[Printed]:
        """The summary of a day as workbook and PDF."""
        waiting = self.ledger.waiting_forms() if day == self.record.as_of.date() else []
        run, templates = self.record.name, self.shop.templates
        workbook = self.proven(
            self.made(
                lambda: summary_workbook(
                    cases, day, self.office, templates, run=run, waiting=waiting
                )
            )
        )
        document = self.made(lambda: summary_document(cases, day, self.office, templates))
        path = printing.place("summary", workbook.title, day)
        content, code = (
            self.made(lambda: excel.render(workbook)),
            workbook.identity["code"],
        )
        yield Printed(
            "summary",
            document.number,
            f"{path}.xlsx",
            press.EXCEL,
            content,
            form=True,
            code=code,
        )
        yield self.made(lambda: printing.pdf(document, path))

    def proven(self, workbook: WorkBook) -> WorkBook:
        """A workbook that may come back, with the code by which it will be known."""
        codes, told = self.shop.codes, workbook.identity
        code = codes.of(Subject(told["form"], told["case"], told["issue"]))
        foot = f"{workbook.form_number} · {told['issue']} · {code_line(code, workbook.language)}"
        return replace(
            workbook,
            identity={**told, "workspace": codes.workspace, "code": code},
            foot=foot,
        )

    def survey(self, today: dt.date) -> Iterator[BlankFile]:
        """The questionnaire, on the first run in a survey period. Source: 2.1.4a, T06."""
        starts = [
            dt.date(year, *map(int, start.split("-")))
            for year in (today.year - 1, today.year)
            for start in self.shop.settings.surveys
        ]
        begun = max((start for start in starts if start <= today), default=None)
        last = self.ledger.last_published("questionnaire", before=self.record)
        if begun is None or (
            last.as_of.date() >= begun if last else (today - begun).days > _SURVEY_LEEWAY_DAYS
        ):
            return
        company = self.shop.settings.company
        yield from blank_forms(
            self.shop.book,
            (self.shop.settings.locale,),
            company=company.name,
            form_prefix=company.form_prefix,
            templates=self.shop.templates,
            date=today,
            wanted=lambda form: form.kind == "questionnaire",
        )

    def is_news(self) -> bool:
        """True when there is anything to tell of the cases in hand.

        One has moved, or it is another day than last time.
        """
        last = self.ledger.last_published("tracking_ledger", before=self.record)
        return (
            last is None
            or last.as_of.date() != self.record.as_of.date()
            or self.ledger.has_moved(self.record)
        )

    def worklists(
        self, matters: Sequence[Matter], issued: Sequence[IssuedDocument]
    ) -> Iterator[tuple[str, Document]]:
        """The work list of every department with something new to do or to be reminded of.

        Source: 5.3.2.
        """
        chaser = Chaser(self.shop.book, self.record.as_of.date(), self.record.as_of.tzinfo)
        known = self.ledger.reminders(before=self.record)
        tasks = _Tasks(next((p.department for p in self.shop.book.holders(LEADERS)), None))
        reminded: list[tuple[Facts, Reminder]] = []
        for matter in self.each(matters):
            given = {
                (r.clock, r.due_on.isoformat(), r.level) for r in known.get(matter.facts.id, ())
            }
            for waiting in chaser.waits(matter):
                fresh = fresh_reminders(waiting, given)
                reminded += [(matter.facts, reminder) for reminder in fresh]
                owed = Owed(waiting.form, department=waiting.department)
                tasks.add(self.printing.recipient(owed, matter) or "", waiting, fresh)
        self.ledger.record_reminders(self.record, reminded)
        tasks.urgent |= {d.department for d in issued if d.form and d.matter and d.department}
        for department in sorted(tasks.urgent & tasks.of.keys()):
            told = tasks.of[department]
            now, office, templates = (
                self.record.as_of,
                self.office,
                self.shop.templates,
            )
            yield department, worklist(told, department, now, office, templates)

    def print_ledger(self, cases: Sequence[Matter], others: Sequence[Matter]) -> Printed:
        """The tracking ledger. Source: 5.3.1a."""
        today, days = (
            self.record.as_of.date(),
            self.shop.settings.ledger_closed_days,
        )
        since = today - dt.timedelta(days=days)
        closed = [matter_of(self.shop.book, *told) for told in self.ledger.closed_since(since)]
        reminders = self.ledger.reminders()
        workbook = self.made(
            lambda: tracking_workbook(
                cases,
                closed,
                others,
                self.record.as_of,
                self.record.name,
                days,
                self.office,
                self.shop.templates,
                reminders,
            )
        )
        workbook = self.proven(workbook)
        content, code = (
            self.made(lambda: excel.render(workbook)),
            workbook.identity["code"],
        )
        path = f"{self.printing.place('tracking_ledger', workbook.title, today)}.xlsx"
        return Printed(
            "tracking_ledger",
            f"D15-{self.record.name}",
            path,
            press.EXCEL,
            content,
            form=True,
            code=code,
        )

    def kept(self, kind: str) -> list[str]:
        """What an earlier run has published last of this kind, as paths from this run's folder."""
        found = self.ledger.last_published(kind, before=self.record)
        paths = self.ledger.paths_of(kind, found) if found else []
        return [
            f"../{found.name}/{path}"
            for path in paths
            if found and (self.shop.folder / "outbox" / found.name / path).exists()
        ]

    def print_receipt(self, receipt: Receipt) -> Printed:
        """The receipt."""
        workbook = receipt_workbook(receipt, self.office, self.shop.templates)
        return Printed(
            "receipt",
            f"D36-{receipt.run}",
            "receipt.xlsx",
            press.EXCEL,
            excel.render(workbook),
        )

    def print_index(self, receipt: Receipt, issued: Sequence[IssuedDocument]) -> Printed:
        """The page by which people find the documents."""
        return Printed(
            "index",
            receipt.run,
            "index.html",
            press.HTML,
            html.index(run_page(receipt, issued, self.office, self.shop.templates)),
        )

    def manifest(self, receipt: Receipt, issued: Sequence[IssuedDocument]) -> dict[str, Any]:
        """manifest.json as data."""
        return {
            "version": __version__,
            **manifest(receipt, issued, self.office),
        }


class _Folder:
    """The folder of a run in the making.

    `issued` is what is in it so far, `missing` the characters that no font could print.
    """

    def __init__(self, draft: outbox.Draft, ask: Ask) -> None:
        self.draft = draft
        self.ask = ask
        self.issued: list[IssuedDocument] = []
        self.missing: set[str] = set()

    def keep(self, item: Printed, *, period: str | None = None) -> None:
        """Put a printed file into it."""
        self.ask()
        self.missing.update(item.missing)
        self.issued.append(_written(self.draft, item, period))


class _Tasks:
    """What waits for each department, and which of them have something new.

    Args:
        leaders: the department of the leaders, who also get what is long overdue.
    """

    def __init__(self, leaders: str | None) -> None:
        self.leaders = leaders
        self.of: dict[str, list[Waiting]] = {}
        self.urgent: set[str] = set()

    def add(self, department: str, waiting: Waiting, fresh: Sequence[Reminder]) -> None:
        """Something that waits for a department, with the reminders that are new."""
        self.of.setdefault(department, []).append(waiting)
        if self.leaders and waiting.level >= LEADER and department != self.leaders:
            self.of.setdefault(self.leaders, []).append(waiting)
        if fresh:
            self.urgent.add(department)
        if self.leaders and any(reminder.level >= LEADER for reminder in fresh):
            self.urgent.add(self.leaders)


def _written(draft: outbox.Draft, item: Printed, period: str | None = None) -> IssuedDocument:
    """A printed file, put into the draft."""
    sha256 = draft.write(item.path, item.content)
    return IssuedDocument(
        item.kind,
        item.number,
        item.path,
        item.media_type,
        sha256,
        item.matter,
        item.department,
        period,
        item.form,
        item.issue,
        item.about,
        item.code,
    )


def _stale_forms(files: Sequence[FileOutcome]) -> dict[str, list[str]]:
    """The forms of which an old issue came back, by case."""
    found: dict[str, list[str]] = {}
    for item in (f for file in files for f in file.findings if f.code == "FB-step-stale"):
        of = item.details.get("department")
        found.setdefault(item.details["case"], []).append(
            f"{item.details['form']}/{of}" if of else item.details["form"]
        )
    return found

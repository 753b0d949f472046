"""The documents that stay, printed again without the persons who are forgotten.

They are prepared beside the outbox while the ledger's transaction is open, which records their new
sha256; when it has ended they take their places. Whatever is interrupted, the ledger says which of
the two is meant: `finish` goes on.
"""

import os
import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

import orjson
import pypdf

from fbbatch import failpoints, outbox
from fbbatch.lasting import sync_folder
from fbbatch.ledger import Ledger, auditing
from fbbatch.ledger.anonymise import Reprinted, Texts
from fbbatch.ledger.sharing import Stays
from fbbatch.outbox import MANIFEST
from fbbatch.upkeep import effacing
from fbbatch.upkeep.effacing import Effacer

STAGE = ".fbbatch/anonymise"
_PLAN = "plan.json"
_PACKAGES = (".xlsx", ".docx", ".xlsm")
_QUOTES = ("「{}」", "“{}”", "'{}'")
_LONG = 8  # so long a quoted text is told from other words without its quotation marks
_TELLS_FINDINGS = frozenset({"receipt", "index", "returned"})
_IN_LATEST = ("summary", "tracking_ledger")
_ABOUT_A_RUN = ("receipt.xlsx", "index.html", MANIFEST)


class Folders:
    """The outbox, as forgetting wants to know of it (`fbbatch.ledger.anonymise.Outside`).

    Args:
        workspace: the workspace.
        manifests: the recorded sha256 of each run's manifest; None: not recorded.
        staff: names that stay.
        keep: False to prepare nothing.
    """

    def __init__(
        self,
        workspace: Path,
        manifests: Mapping[str, str | None],
        staff: Iterable[str],
        *,
        keep: bool,
    ) -> None:
        self._workspace = workspace
        self._manifests = manifests
        self._staff = frozenset(staff)
        self._keep = keep
        self._plan: dict[str, list[str]] = {}
        self.n_changed = 0

    def about(self, run: str) -> Mapping[str, str]:
        """The name of the file that a document of a run is about, by the document's path.

        It is taken from the run's manifest.
        """
        try:
            told = orjson.loads((self._workspace / "outbox" / run / MANIFEST).read_bytes())
            return {one["path"]: one["file"] for one in told["documents"] if one.get("file")}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    def reprint(self, stays: Sequence[Stays], texts: Texts, runs: Iterable[str]) -> Reprinted:
        """Prepare the documents that stay.

        Those that cannot be printed again are removed where another edition stands beside them.
        """
        if self._keep:
            shutil.rmtree(self._workspace / STAGE, ignore_errors=True)
            (self._workspace / STAGE).mkdir(mode=0o700, parents=True)
        everywhere = Effacer(texts.persons, texts.kept | self._staff, said=texts.words())
        by_run: dict[str, list[Stays]] = defaultdict(list)
        for one in stays:
            by_run[one.run].append(one)
        documents: dict[int, str] = {}
        manifests: dict[str, str] = {}
        gone: dict[int, str] = {}
        for run in runs:
            names, kept = texts.names.get(run, {}), texts.kept_names.get(run, ())
            named = Effacer({}, kept, names, everywhere)
            effacer = Effacer({}, kept, {**_quotes(texts, run), **names}, everywhere)
            fresh: dict[Stays, str] = {}
            for one in by_run[run]:
                if digest := self._again(one, effacer if one.kind in _TELLS_FINDINGS else named):
                    fresh[one] = digest
            documents |= {one.id: digest for one, digest in fresh.items()}
            gone |= {one.id: one.path for one in self._unprintable(by_run[run], fresh, effacer)}
            if digest := self._manifest(run, fresh, effacer):
                manifests[run] = digest
        if self._keep:
            self._write(self._workspace / STAGE / _PLAN, orjson.dumps(self._plan))
            sync_folder(self._workspace / STAGE)
        return Reprinted(documents, manifests, gone)

    def _again(self, one: Stays, effacer: Effacer) -> str | None:
        """The new sha256 of a document in which a person stood; None where it is left as it is."""
        suffix = PurePosixPath(one.path).suffix.lower()
        if one.is_copy or suffix not in {*_PACKAGES, ".html"}:
            return None
        content = self._read(one.path, one.sha256)
        if content is None:
            return None
        try:
            new = (
                effacing.page(content, effacer)
                if suffix == ".html"
                else effacing.package(content, effacer)
            )
        except ValueError:
            return None
        return self._stage(one.path, new) if new != content else None

    def _manifest(self, run: str, fresh: Mapping[Stays, str], effacer: Effacer) -> str | None:
        path = f"outbox/{run}/{MANIFEST}"
        content = self._read(path, self._manifests.get(run))
        digests = {one.path.removeprefix(f"outbox/{run}/"): digest for one, digest in fresh.items()}

        def renew(told: Any) -> None:
            for document in told["documents"]:
                document["sha256"] = digests.get(document["path"], document["sha256"])

        if content is None:
            return None
        try:
            new = effacing.data(content, effacer, renew)
        except (ValueError, KeyError, TypeError):
            return None
        return self._stage(path, new) if new != content else None

    def _read(self, path: str, digest: str | None) -> bytes | None:
        """A document; None where it is gone, or is no longer the one that was published."""
        try:
            content = (self._workspace / path).read_bytes()
        except OSError:
            return None
        if digest is None or sha256(content).hexdigest() == digest:
            return content
        self.n_changed += 1
        return None

    def _stage(self, path: str, content: bytes) -> str:
        digest = sha256(content).hexdigest()
        name = f"{len(self._plan) + 1:06d}"
        self._plan[path] = [name, digest]
        if self._keep:
            self._write(self._workspace / STAGE / name, content)
        return digest

    @staticmethod
    def _write(place: Path, content: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(place, flags, 0o600), "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())

    def _unprintable(
        self, stays: Iterable[Stays], fresh: Mapping[Stays, str], effacer: Effacer
    ) -> list[Stays]:
        """The PDFs that name a person; each has an edition for Excel or Word beside it."""
        every = list(stays)
        stems = {_stem(one.path) for one in every if one.path.lower().endswith(_PACKAGES)}
        named = {_stem(one.path) for one in fresh}
        pdfs = [
            one for one in every if one.path.lower().endswith(".pdf") and _stem(one.path) in stems
        ]
        return [
            one
            for one in pdfs
            if _stem(one.path) in named or (one.tells_of_due and self._names(one, effacer))
        ]

    def _names(self, one: Stays, effacer: Effacer) -> bool:
        """True for a PDF that names a person; one that cannot be read might."""
        path = self._workspace / one.path
        if not path.is_file():
            return False
        try:
            text = "\n".join(page.extract_text() for page in pypdf.PdfReader(path).pages)
        except Exception:
            return True
        return bool(effacer.spots(text) or effacer.spots("".join(text.split())))


def _stem(path: str) -> str:
    return path.rpartition(".")[0]


def _quotes(texts: Texts, run: str) -> dict[str, str]:
    """What the findings of a run quote, as it stands in what tells them."""
    words: dict[str, str] = {}
    kept = texts.kept_quotes.get(run, set()) | texts.kept
    for old, new in texts.quotes.get(run, {}).items():
        if old and old not in kept:
            words |= {quote.format(old): quote.format(new) for quote in _QUOTES}
            if len(old) >= _LONG:
                words.setdefault(old, new)
    return words


def finish(workspace: Path, ledger: Ledger) -> int:
    """Put what was prepared into its place, as far as the ledger says so.

    It gives how many documents that were.

    Raises:
        OSError: the disk refused; call it again.
    """
    stage = workspace / STAGE
    if not (stage / _PLAN).is_file():
        shutil.rmtree(stage, ignore_errors=True)
        return 0
    plan: dict[str, list[str]] = orjson.loads((stage / _PLAN).read_bytes())
    there, _ = auditing.documents(ledger)
    expected = {one.path: one.sha256 for one in there}
    expected |= {
        f"outbox/{run}/{MANIFEST}": digest or ""
        for run, digest in auditing.manifests(ledger).items()
    }
    number = 0
    for path, (name, digest) in plan.items():
        target = workspace / path
        if expected.get(path) == digest and (stage / name).is_file() and target.is_file():
            (stage / name).replace(target)
            sync_folder(target.parent)
            number += 1
            failpoints.reach("swapped")
    (stage / _PLAN).unlink()
    shutil.rmtree(stage, ignore_errors=True)
    return number


def refresh_latest(workspace: Path, ledger: Ledger) -> None:
    """Make `outbox/latest` show the documents as they are now, where it does not.

    Raises:
        StorageError: it could not be replaced.
    """
    closed = auditing.runs(ledger).closed
    latest = workspace / "outbox" / "latest"
    if not closed or not (workspace / "outbox" / closed[-1] / "index.html").is_file():
        return
    newest = auditing.newest(ledger, _IN_LATEST)
    paths = [
        f"../{one.path.removeprefix('outbox/')}"
        for one in newest
        if (workspace / one.path).is_file()
    ]
    folder = workspace / "outbox" / closed[-1]
    paths += [name for name in _ABOUT_A_RUN if (folder / name).is_file()]
    base = f'<base href="../{folder.name}/">'.encode()
    here = [path for path in latest.iterdir() if path.is_file()] if latest.is_dir() else []
    present = {path.name: path.read_bytes().replace(base, b"", 1) for path in here}
    if present != {Path(path).name: (folder / path).read_bytes() for path in paths}:
        outbox.refresh_latest(workspace, folder, paths, based="index.html")

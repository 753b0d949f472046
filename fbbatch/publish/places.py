"""For whom a document is, and where it stands in the run folder, as its template's head says."""

from fbbatch.documents.case import Office
from fbbatch.documents.templates import Template
from fbbatch.schema import Book
from fbbatch.words import file_name
from fbbatch.workflow.gates import LEADERS, RECORDERS
from fbbatch.workflow.matter import Matter
from fbbatch.workflow.standing import may_verify

RECORDS = "cases/{case}"
"""Where the finished record of a form stands, of whatever kind."""


def recipient(template: Template, matter: Matter, book: Book) -> str | None:
    """The department that has to act on a document about a matter. Source: 5.1.1b, 5.4.2a.

    That is the one in charge of it also where nobody holds the role that is asked for.

    Args:
        template: the document's.
        matter: with where it stands.
        book: who holds which role.
    """
    lead, standing = matter.facts.department, matter.standing
    if template.to in _ROLES:
        return next((p.department for p in book.holders(_ROLES[template.to])), lead)
    verifiers = may_verify(standing, book)
    if template.to == "verifiers":
        return next((p.department for p in verifiers or book.holders(LEADERS)), lead)
    waits_for_verifier = standing.state == "awaiting_verification" and not verifiers
    if template.to == "deciders" and waits_for_verifier:
        return next((person.department for person in book.holders(LEADERS)), lead)
    return lead


_ROLES = {"recorders": RECORDERS, "leaders": LEADERS}
"""Recipients that are whoever holds a role."""


def path_of(
    template: Template,
    office: Office,
    title: str,
    *,
    folder: str | None = None,
    department: str | None = None,
    case: str = "",
    day: str = "",
    issue: int = 1,
) -> str:
    """The path of a document in the run folder, without its ending.

    Args:
        template: the document's; its head has the patterns.
        office: whose names the departments' folders have.
        title: what the document is called.
        folder: another pattern than the template's.
        department: id of the recipient.
        case: number of the case, where it is about one.
        day: the day that it speaks for.
        issue: the number of a form's issue; told from the second on.
    """
    again = f" ({issue})" if issue > 1 else ""
    label = office.teller.book.department(department, office.language)
    name = template.file.format(title=title, case=case, day=day, department=label)
    place = (template.folder if folder is None else folder).format(
        title=file_name(title), case=case, day=day, department=_folder_of(department, office)
    )
    return "/".join(filter(None, (place, file_name(f"{name}{again}".strip()))))


def _folder_of(department: str | None, office: Office) -> str:
    """The folder in which a department finds its work; the leaders' is the management's."""
    book = office.teller.book
    if department in {person.department for person in book.holders(LEADERS)}:
        return "management"
    return f"departments/{file_name(book.department(department, office.language))}"

"""What each document says: records → documents, by the company's templates; never how it looks."""

from fbbatch.documents.case import case_document, case_report
from fbbatch.documents.folder import manifest, run_page
from fbbatch.documents.receipt import Receipt, receipt_workbook
from fbbatch.documents.summary import summary_document, summary_workbook
from fbbatch.documents.templates import Templates, load_templates

__all__ = [
    "Receipt", "Templates", "case_document", "case_report", "load_templates", "manifest", "receipt_workbook", "run_page", "summary_document",
    "summary_workbook",
]  # fmt: skip

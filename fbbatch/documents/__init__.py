"""What each document says: records → documents, by the company's templates; never how it looks."""

from fbbatch.documents.case import case_document, case_report
from fbbatch.documents.folder import manifest, run_page
from fbbatch.documents.loading import load_templates
from fbbatch.documents.receipt import Receipt, receipt_workbook
from fbbatch.documents.register import blank_forms, printed_lines
from fbbatch.documents.returned import Correction
from fbbatch.documents.summary import summary_document, summary_workbook
from fbbatch.documents.templates import Templates
from fbbatch.documents.tracking import tracking_workbook
from fbbatch.documents.worklist import worklist

__all__ = [
    "Correction",
    "Receipt",
    "Templates",
    "blank_forms",
    "case_document",
    "case_report",
    "load_templates",
    "manifest",
    "printed_lines",
    "receipt_workbook",
    "run_page",
    "summary_document",
    "summary_workbook",
    "tracking_workbook",
    "worklist",
]

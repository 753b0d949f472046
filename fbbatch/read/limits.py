"""How much of one file is too much.

Every limit is a setting with a finding of its own; none is ever applied silently.
"""

from pydantic import BaseModel, ConfigDict, Field

from fbbatch.findings import finding
from fbbatch.model import Finding


class Limits(BaseModel):
    """The key `limits` of fbbatch.yaml; sizes in bytes, times in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file_bytes: int = Field(default=25_000_000, ge=1, description="largest file that is read")
    run_files: int = Field(
        default=10_000, ge=1, description="files that one run takes; the others wait for the next"
    )
    run_bytes: int = Field(
        default=5_000_000_000,
        ge=1,
        description="bytes that one run takes; the other files wait for the next",
    )
    free_bytes: int = Field(
        default=1_000_000_000,
        ge=0,
        description=(
            "a run does not begin with less free disk; nor with less than three times what waits"
        ),
    )
    zip_entries: int = Field(default=1_000, ge=1, description="entries in one zip or Office file")
    zip_part_bytes: int = Field(default=128_000_000, ge=1, description="one entry of it, unpacked")
    zip_total_bytes: int = Field(default=256_000_000, ge=1, description="all of it, unpacked")
    zip_ratio: int = Field(
        default=100, ge=2, description="unpacked : packed, for entries above 100 KiB"
    )
    xml_depth: int = Field(
        default=256, ge=8, description="elements within elements in one part of an Office file"
    )
    sheets: int = Field(default=50, ge=1, description="sheets in one workbook")
    rows: int = Field(default=100_000, ge=1, description="answers in one file")
    columns: int = Field(default=500, ge=1, description="columns of a sheet")
    cells: int = Field(default=2_000_000, ge=1, description="cells in one file")
    merged_areas: int = Field(default=10_000, ge=1, description="merged areas in one sheet")
    paper_chars: int = Field(
        default=1_000_000,
        ge=1,
        description="characters in one form that is a document or workbook, or one note",
    )
    paper_tables: int = Field(default=500, ge=1, description="tables in one Word form")
    mail_parts: int = Field(default=200, ge=1, description="MIME parts of one mail")
    mail_depth: int = Field(default=10, ge=1, description="mails and parts within each other")
    mail_header_bytes: int = Field(default=256_000, ge=1, description="all headers of one mail")
    attachments: int = Field(default=20, ge=1, description="files attached to one mail")
    pdf_pages: int = Field(default=200, ge=1, description="pages of one PDF")
    pdf_fields: int = Field(default=2_000, ge=1, description="form fields of one PDF")
    pdf_stream_bytes: int = Field(
        default=25_000_000, ge=1, description="one stream of a PDF, unpacked"
    )
    csv_line_bytes: int = Field(default=1_000_000, ge=1_000, description="one row of a csv file")
    json_bytes: int = Field(default=10_000_000, ge=1, description="largest JSON file that is read")
    json_depth: int = Field(default=50, ge=2, description="objects within objects")
    cpu_seconds: int = Field(default=20, ge=1, le=86_400, description="processor time for one file")
    wall_seconds: int = Field(default=30, ge=1, le=86_400, description="waiting time for one file")
    memory_bytes: int = Field(
        default=1_500_000_000,
        ge=200_000_000,
        le=1_000_000_000_000,
        description="memory of one worker",
    )

    def over(self, name: str, value: float, *, where: str = "", unit: str = "") -> Finding:
        """The finding that `value` is over the limit `name`, e.g. `FB-limit-rows`.

        Args:
            name: a field of this model.
            value: what was seen; a plain number is grouped by thousands.
            where: the part of the file in which it was seen, when there are several.
            unit: printed after both numbers, e.g. `:1`.
        """
        limit = getattr(self, name)
        code = f"FB-limit-{name.replace('_', '-')}"
        return finding(
            code,
            value=f"{value:,.0f}{unit}",
            limit=f"{limit:,}{unit}",
            setting=f"limits.{name}",
            where=where or None,
        )

"""Text that stands under no header of a sheet, or beyond the last, or below its answers.

In a text file, a row that is longer than its header has a comma too many: its answers stand under
wrong headers, and it goes back.
"""

import re
from collections.abc import Sequence

from fbbatch.findings import finding
from fbbatch.model import Cell, Finding
from fbbatch.read import Sheet
from fbbatch.schema import Layout
from fbbatch.validate import Checked, text_of

_TOLD = 60  # characters
_Rows = Sequence[Sequence[Cell]]


class Beyond:
    """Looks for such text, for one sheet.

    Args:
        sheet: the rows at its head say whether a last column without a header is usual there.
        layout: says which columns have a header.
    """

    def __init__(
        self,
        sheet: Sheet,
        layout: Layout,
    ) -> None:
        self._sheet = sheet.name
        self._headed = layout.headed
        self._read = {m.column for m in (*layout.columns, *layout.further)}
        self._width = 1 + max(layout.headed, default=-1)
        self._between = [n for n in range(self._width) if n not in self._headed | self._read]
        self._shifts_from = self._where_rows_shift(sheet, layout)

    def _where_rows_shift(
        self,
        sheet: Sheet,
        layout: Layout,
    ) -> int | None:
        """From which column on text shows that a row has shifted; None where nothing shows it.

        In a text file that is beyond the cells of its header; but where all rows are longer, it
        is the header that is too short.
        """
        header_row = layout.header_row
        if sheet.torn is None or header_row is None or header_row > len(sheet.head):
            return None
        width = len(sheet.head[header_row - 1])
        rows = sheet.head[layout.first_row - 1 :]
        longer = sum(any(map(text_of, row[width:])) for row in rows)
        is_header_short = longer == len(rows) and len(rows) > 1
        return None if is_header_short else width

    def look(
        self,
        checked: Checked,
        rows: _Rows,
        numbers: Sequence[int],
    ) -> Checked:
        """Tell of such text, column by column; rows that have shifted go back for that alone.

        Args:
            checked: the answers and findings of the rows.
            rows: their cells.
            numbers: of the rows, as Excel shows them.
        """
        if not self._headed:
            return checked
        widest = max(map(len, rows), default=0)
        if widest <= self._width and not self._between:
            return checked
        shifted: list[int] = []
        if self._shifts_from is not None and widest > self._shifts_from:
            start = self._shifts_from
            shifted = [i for i, row in enumerate(rows) if any(map(text_of, row[start:]))]
        beyond = (n for n in range(self._width, widest) if n not in self._read)
        columns = [*self._between, *beyond]
        findings: list[Finding] = []
        for column in columns:
            findings += self._under_no_header(column, rows, numbers, frozenset(shifted))
        return self._returned(checked, rows, numbers, shifted, findings)

    def _under_no_header(
        self, column: int, rows: _Rows, numbers: Sequence[int], but: frozenset[int]
    ) -> list[Finding]:
        """That some rows have text in a column without a header; numbers alone are no text."""
        n_rows, first, told = 0, 0, ""
        for index, row in enumerate(rows):
            if column >= len(row) or index in but or not isinstance(row[column], str):
                continue
            text = text_of(row[column])
            if not text or text.replace(".", "").isdigit():
                continue
            if not n_rows:
                first, told = numbers[index], text[:_TOLD]
            n_rows += 1
        if not n_rows:
            return []
        return [
            finding(
                "FB-no-header-above",
                sheet=self._sheet,
                row=first,
                column=column + 1,
                text=told,
                rows=n_rows,
            )
        ]

    def _returned(
        self,
        checked: Checked,
        rows: _Rows,
        numbers: Sequence[int],
        shifted: Sequence[int],
        findings: list[Finding],
    ) -> Checked:
        if not shifted and not findings:
            return checked
        for index in shifted:
            findings.append(
                finding(
                    "FB-row-too-long",
                    sheet=self._sheet,
                    row=numbers[index],
                    column=self._width + 1,
                    expected=self._width,
                    found=len(rows[index]),
                )
            )
        of_shifted = {numbers[index] for index in shifted}
        others = [f for f in checked.findings if f.row not in of_shifted]
        return Checked(checked.columns, checked.bad | set(shifted), [*others, *findings])


class Footer:
    """The end of a sheet's answers, where its schema says how to know it.

    Args:
        pattern: the schema's `footer`.
        sheet: the sheet's name, for findings.
    """

    def __init__(
        self,
        pattern: str | None,
        sheet: str,
    ) -> None:
        self._pattern = re.compile(pattern) if pattern else None
        self._sheet = sheet
        self._is_met = False

    def cut(self, rows: _Rows, first: int) -> tuple[_Rows, list[Finding]]:
        """The rows above the footer, and a finding with what stands below.

        Args:
            rows: of the sheet, in their order.
            first: the number of the first of them, as Excel shows it.
        """
        if self._pattern is None:
            return rows, []
        end = 0 if self._is_met else self._end(self._pattern, rows)
        texts = [" ".join(filter(None, map(text_of, row))) for row in rows[end:]]
        filled = [text for text in texts if text]
        if not filled:
            return rows[:end], []
        note = finding(
            "FB-footer",
            sheet=self._sheet,
            row=first + end,
            text=filled[0][:_TOLD],
            rows=len(filled),
        )
        return rows[:end], [note]

    def _end(self, pattern: re.Pattern[str], rows: _Rows) -> int:
        """How many rows stand above the footer."""
        for index, row in enumerate(rows):
            if any(pattern.search(text_of(cell)) for cell in row):
                self._is_met = True
                return index
        return len(rows)

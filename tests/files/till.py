"""Writes till.xlsx, the workbook that tests/import.rs reads: `python till.py`, with openpyxl installed.

openpyxl writes formulas without their values, as no program that shows a sheet would leave them; the values of the
three formulas are put in afterwards.
"""

import datetime
import zipfile

from openpyxl import Workbook
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont

book = Workbook()
old = book.active
old.title = "Old"
old.sheet_state = "hidden"
old.append(["order", "price"])
old.append([1, 1])

book.create_sheet("Cover")

sales = book.create_sheet("Sales")
header = ["order", "sold at", "sku", "product", "pieces", "price", "total", "paid"]
for column, name in enumerate(header, 1):
    sales.cell(3, column, name)


def row(number, *values):
    for column, value in enumerate(values, 1):
        if value is not None:
            sales.cell(number, column, value)
    sales.cell(number, 2).number_format = "dd/mm/yyyy hh:mm"


day = datetime.datetime
rich = CellRichText("Cambodian ", TextBlock(InlineFont(b=True), "oud"), " oil, 3 ml")
row(4, 1001, day(2026, 3, 1, 9, 15), "COF-250", "قهوة سعودية ٢٥٠ جم", 2, 39.5, "=E4*F4", True)
row(5, 1002, day(2026, 3, 1, 11, 40, 30), "OUD-3", rich, 1, 19.99, "=E5*F5", False)
row(7, 1003, day(2026, 3, 2, 20, 5), "DAT-1K", "تمر سكري", 3, "#N/A", None, False)
row(8, 1004, datetime.date(2026, 3, 3), 541909, None, 1, "=0.1+0.2", 0.3, True)
row(9, 1005, day(2026, 3, 3, 8, 0), "A-1", "a", 1, 5, 5, True, None, "ask Noura")
sales.column_dimensions["B"].width = 20

returns = book.create_sheet("مرتجعات")
returns.append(["order", "sku", "pieces"])
returns.append([1001, "COF-250", 1])
book.save("plain.xlsx")

values = {"=E4*F4": "79", "=E5*F5": "19.989999999999998", "=0.1+0.2": "0.30000000000000004"}
with zipfile.ZipFile("plain.xlsx") as plain, zipfile.ZipFile("till.xlsx", "w", zipfile.ZIP_DEFLATED) as till:
    for part in plain.namelist():
        text = plain.read(part)
        for formula, value in values.items():
            bare = f"<f>{formula[1:]}</f><v />".encode()
            if part.startswith("xl/worksheets/"):
                text = text.replace(bare, f"<f>{formula[1:]}</f><v>{value}</v>".encode())
        till.writestr(zipfile.ZipInfo(part, (2026, 3, 4, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)

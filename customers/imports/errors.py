"""What is wrong with a file, a mapping or a line, in the words of the person who mends it."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers.ground.errors import Refused


class ImportRefused(Refused):
    """Nothing of the file was taken over; ``question`` names the answer that is missing, if one is.

    ``page_message``: in terms of the page's controls, where ``message`` names keys and options.
    """

    question = ""
    page_message: str | Promise = ""


def on_page(refusal: Refused) -> str:
    """Return the words of a refusal for somebody who reads them on a page."""
    worded = refusal.page_message if isinstance(refusal, ImportRefused) else ""
    return str(worded) % refusal.values if worded else str(refusal)


class UnknownKind(ImportRefused):
    code = "unknown_kind"
    message = _("“%(kind)s” is not a kind of data that can be imported. Choose one of: %(kinds)s.")


# --- The file ----------------------------------------------------------------------------------
class NoFile(ImportRefused):
    code = "no_file"
    message = _("The file “%(name)s” cannot be opened. Check its name and that it may be read.")


class EmptyFile(ImportRefused):
    code = "empty_file"
    message = _("The file is empty. It needs a line with the names of the columns, and lines with data.")


class OnlyHeader(ImportRefused):
    code = "only_header"
    message = _("The file has the names of the columns, but no line with data.")


class DamagedFile(ImportRefused):
    code = "damaged_file"
    message = _("The file is damaged or not complete. Save or download it again.")


class NotText(ImportRefused):
    code = "not_text"
    message = _("The file is not a table in text form. Save it as CSV in UTF-8, or as XLSX.")


class OldWorkbook(ImportRefused):
    code = "old_workbook"
    message = _("The file is an old Excel workbook (.xls). Save it as .xlsx or as CSV in UTF-8.")


class UnknownEncoding(ImportRefused):
    code = "encoding"
    message = _(
        "The characters of the file cannot be read as UTF-8 or GB18030 (first at line %(line)s). "
        "Save it as CSV in UTF-8."
    )


class TooLarge(ImportRefused):
    code = "too_large"
    message = _("The file is larger than %(most)s MB when unpacked. Split it into several files.")


class TooManyLines(ImportRefused):
    code = "too_many_lines"
    message = _("The file has more than %(most)s lines. Split it into several files.")


class TooManyColumns(ImportRefused):
    code = "too_many_columns"
    message = _("There are more than %(most)s columns. Keep only those that are needed.")


class NothingFits(ImportRefused):
    code = "nothing_fits"
    message = _(
        "None of the first %(lines)s lines can be read. The first says: %(reason)s Check delimiters and "
        "quotation marks."
    )


class ColumnTwice(ImportRefused):
    code = "column_twice"
    message = _("Two columns are called “%(column)s”. Give each column a name of its own.")


# --- The mapping -------------------------------------------------------------------------------
class BadMapping(ImportRefused):
    code = "bad_mapping"
    message = _("The mapping file is not a JSON object. See docs/import.md for an example.")


class UnknownKey(ImportRefused):
    code = "unknown_key"
    message = _("The mapping has the key “%(key)s”, which does not exist. Possible keys: %(keys)s.")


class BadValue(ImportRefused):
    code = "bad_value"
    message = _("In the mapping, “%(value)s” is not possible for “%(key)s”. %(hint)s")
    page_message = _("“%(value)s” is not possible here. %(hint)s")


class UnknownField(ImportRefused):
    code = "unknown_field"
    message = _("The mapping names the field “%(field)s”, which does not exist. Possible fields: %(fields)s.")


class NoSuchColumn(ImportRefused):
    code = "no_such_column"
    message = _("The file has no column “%(column)s”. Its columns are: %(columns)s.")


class FieldsMissing(ImportRefused):
    code = "fields_missing"
    message = _(
        "No column was found for: %(fields)s. Say which column holds it (mapping “columns”). "
        "The file has the columns: %(columns)s."
    )
    page_message = _("No column was found for: %(fields)s. Choose the column that holds it.")


class AmbiguousDates(ImportRefused):
    code = "ambiguous_dates"
    question = "date_format"
    message = _(
        "“%(text)s” in the column “%(column)s” can be %(first)s or %(second)s, and no line of the file tells "
        "which. State the date format: day/month/year, month/day/year or year/month/day."
    )


class WhenKnown(ImportRefused):
    code = "when_known"
    question = "history"
    message = _(
        "%(old)s of %(lines)s lines are older than 30 days. Say when the company knew of them: as they "
        "happened (--history, or “history”: true), at the moment in a column (mapping “recorded_at”), "
        "or only now (“history”: false)."
    )
    page_message = _(
        "%(old)s of %(lines)s lines are older than 30 days. Say when the company knew of these facts: as "
        "they happened or only now, or choose the column that says when each was entered."
    )


class ParkingLater(ImportRefused):
    code = "parking"
    message = _(
        "Lines of unknown customers cannot be parked yet. Write “create” or “refuse” for "
        "“on_missing_customer”."
    )


# --- One line ----------------------------------------------------------------------------------
class LineRefused(Refused):
    """One line (or one cell of it) that cannot be taken over."""


class LineTooLong(LineRefused):
    code = "line_too_long"
    message = _("The line is longer than %(most)s characters.")


class HasNul(LineRefused):
    code = "nul"
    message = _("The line holds a NUL character. Remove it.")


class Unreadable(LineRefused):
    code = "unreadable"
    message = _("The line holds characters that are not %(encoding)s.")


class OpenQuote(LineRefused):
    code = "open_quote"
    message = _("A quotation mark is opened and never closed.")


class BadQuotes(LineRefused):
    code = "bad_quotes"
    message = _("The quotation marks of the line do not match. Double those inside a quoted text.")


class WrongColumns(LineRefused):
    code = "wrong_columns"
    message = _("The line has %(count)s columns, the first line of the file has %(wanted)s.")


class Missing(LineRefused):
    code = "missing"
    message = _("The cell is empty, but needed.")


class TooLong(LineRefused):
    code = "too_long"
    message = _("The text is longer than %(most)s characters.")


class NotNumber(LineRefused):
    code = "not_a_number"
    message = _("This is not a number.")


class NumberTooLarge(LineRefused):
    code = "number_too_large"
    message = _("The number is too large.")


class Negative(LineRefused):
    code = "negative"
    message = _("The number may not be below zero. Write a return as a negative quantity.")


class Zero(LineRefused):
    code = "zero"
    message = _("The number may not be zero.")


class NotShare(LineRefused):
    code = "not_a_share"
    message = _("The rate must lie between 0 and 1, for example 0.3 or 30 percent.")


class NotDate(LineRefused):
    code = "not_a_date"
    message = _("This is not a date in the format %(format)s.")


class DateOutOfRange(LineRefused):
    code = "date_range"
    message = _("The date must lie between 1970 and 2200.")


class Future(LineRefused):
    code = "future"
    message = _("The moment lies in the future.")


class NotFlag(LineRefused):
    code = "not_yes_or_no"
    message = _("Write yes or no.")


class NotChoice(LineRefused):
    code = "not_a_choice"
    message = _("This is not possible here. Write one of: %(choices)s.")


class NotMail(LineRefused):
    code = "not_mail"
    message = _("This is not an e-mail address.")


class NotZone(LineRefused):
    code = "not_a_zone"
    message = _("This is not a time zone. Write for example Asia/Shanghai.")


class NotCurrency(LineRefused):
    code = "not_a_currency"
    message = _("This is not a currency. Write the three letters of ISO 4217, for example CNY.")


class SameId(LineRefused):
    code = "same_id"
    message = _("The line %(line)s has the same id. Each id may stand once in a file.")


class TooManyTogether(LineRefused):
    code = "too_many_together"
    message = _("More than %(most)s lines have the same order id. Check which columns name an order.")


class OtherCustomer(LineRefused):
    code = "other_customer"
    message = _("The line %(line)s gives the same order to another customer.")


class OtherCurrency(LineRefused):
    code = "other_currency"
    message = _("The line %(line)s gives the same order another currency.")


class DeliveredBefore(LineRefused):
    code = "delivered_before_ordered"
    message = _("The delivery lies before the day of the order.")


class OtherInvoice(LineRefused):
    code = "other_invoice"
    message = _("The line %(line)s says otherwise of the same invoice.")


class PaidBefore(LineRefused):
    code = "paid_before"
    message = _("The payment lies before the day of issue.")


class EndsBeforeStart(LineRefused):
    code = "ends_before_start"
    message = _("The contract ends before it starts.")


class BeforeOpened(LineRefused):
    code = "before_opened"
    message = _("This lies before the complaint was made.")


class NoReopening(LineRefused):
    code = "reopened_not_resolved"
    message = _("A complaint can be reopened only after it was resolved.")


class ReturnRefused(LineRefused):
    code = "return_refused"
    message = _("The quantity is negative, but the mapping says that the file holds no returns.")

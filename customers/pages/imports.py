"""Imports in the browser: upload, say what the columns hold, watch, read the report."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from customers import company, exports, undo
from customers.access import allow
from customers.ground import audit, clock
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from customers.imports import background, errors, kinds, mapping, samples, spreadsheets, uploads
from customers.imports.kinds import Kind
from customers.imports.mapping import Mapping
from customers.models import ImportBatch

PAGE = 25
SHOWN_ERRORS = 20
RUNNING = (ImportBatch.Status.WAITING, ImportBatch.Status.RUNNING, ImportBatch.Status.UNDOING)
_COLUMN = "column_"
_ASKED = ("source", "currency", "time_zone", "date_format", "external_id", "on_missing_customer", "decimal")


class UploadForm(forms.Form):
    """Which file, and what is in it."""

    kind = forms.ChoiceField(label=gettext_lazy("What is in the file?"))
    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy(
            "CSV (also packed as .gz) or XLSX, with the names of the columns in the first line."
        ),
    )

    def __init__(self, *args: Any, role: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = [  # type: ignore[attr-defined]
            (kind.code, kind.label) for kind in kinds.every() if kind.is_for(role)
        ]


class MappingForm(forms.Form):
    """Which column holds what, and what the file does not say by itself."""

    history = forms.ChoiceField(
        label=gettext_lazy("When did the company know of these facts?"),
        required=False,
        choices=[
            ("", "—"),
            ("true", gettext_lazy("As they happened (history)")),
            ("false", gettext_lazy("Only now, with this import")),
        ],
        help_text=gettext_lazy(
            "With “as they happened”, past days can be looked back on; rules can be tried on them."
        ),
    )
    date_format = forms.ChoiceField(
        label=gettext_lazy("How are dates written?"),
        required=False,
        choices=[
            ("", gettext_lazy("As the file proves")),
            ("day/month/year", gettext_lazy("day/month/year (31/12/2026)")),
            ("month/day/year", gettext_lazy("month/day/year (12/31/2026)")),
            ("year/month/day", gettext_lazy("year/month/day (26/12/31)")),
        ],
    )
    on_missing_customer = forms.ChoiceField(
        label=gettext_lazy("A line of a customer that we do not know"),
        choices=[
            ("refuse", gettext_lazy("is refused")),
            ("create", gettext_lazy("makes the customer")),
        ],
    )
    currency = forms.CharField(
        label=gettext_lazy("Currency of the amounts"),
        max_length=3,
        required=False,
        help_text=gettext_lazy("Three letters; empty: the company's."),
    )
    time_zone = forms.CharField(
        label=gettext_lazy("Time zone of the moments"),
        max_length=64,
        required=False,
        help_text=gettext_lazy("For example Asia/Shanghai; empty: the company's."),
    )
    decimal = forms.ChoiceField(
        label=gettext_lazy("Decimal sign"),
        required=False,
        choices=[
            ("", gettext_lazy("As the file proves")),
            ("point", gettext_lazy("point (1,234.50)")),
            ("comma", gettext_lazy("comma (1.234,50)")),
        ],
    )
    external_id = forms.CharField(
        label=gettext_lazy("Id made of several columns"),
        max_length=190,
        required=False,
        help_text=gettext_lazy(
            "Only without an id column: names of columns in braces, {CustomerID}-{InvoiceDate}."
        ),
    )
    source = forms.CharField(
        label=gettext_lazy("System that the ids come from"),
        max_length=64,
        initial="import",
        help_text=gettext_lazy("Files of the same system share their ids: the same id is the same record."),
    )

    def __init__(
        self, *args: Any, kind: Kind, header: list[str], columns: dict[str, str], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        choices = [("", gettext_lazy("not in the file")), *((name, name[:60]) for name in header)]
        for known in kind.fields:
            self.fields[_COLUMN + known.name] = forms.ChoiceField(
                label=capfirst(str(known.label)),
                choices=choices,
                required=False,
                initial=columns.get(known.name, ""),
                help_text=_("needed") if known.required else "",
            )
        if not kind.has_customer:
            del self.fields["on_missing_customer"]
        if not kind.has_money:
            del self.fields["currency"]
        if not kind.has_decimals:
            del self.fields["decimal"]
        if not kind.occurred:
            del self.fields["history"]
        if "external_id" not in kind.fields_by_name:
            del self.fields["external_id"]
            del self.fields["source"]

    def clean(self) -> dict[str, Any]:
        """Make the mapping, or say what is not possible about it."""
        data = super().clean() or {}
        try:
            data["mapping"] = mapping.from_data(self._as_data(data))
        except Refused as refusal:
            said, key = errors.on_page(refusal), str(refusal.values.get("key", ""))
            raise ValidationError({key: said} if key in self.fields else said) from refusal
        return data

    def _as_data(self, data: dict[str, Any]) -> dict[str, Any]:
        plain: dict[str, Any] = {name: data[name] for name in _ASKED if data.get(name)}
        plain["columns"] = {
            name.removeprefix(_COLUMN): column
            for name, column in data.items()
            if name.startswith(_COLUMN) and column
        }
        if data.get("history"):
            plain["history"] = data["history"] == "true"
        if plain.get("currency"):
            plain["currency"] = plain["currency"].upper()
        return plain

    def column_fields(self) -> list[Any]:
        """Return the bound fields of the columns."""
        return [self[name] for name in self.fields if name.startswith(_COLUMN)]

    def question_fields(self) -> list[Any]:
        """Return the bound fields of the questions."""
        return [self[name] for name in self.fields if not name.startswith(_COLUMN)]


@require_safe
@allow("admin", "team_lead")
def import_list(request: HttpRequest) -> HttpResponse:
    """List imports, newest first."""
    batches = ImportBatch.objects.visible_to(request.user).select_related("by").order_by("-id")
    before = whole(request.GET.get("before"))
    if before is not None:
        batches = batches.filter(pk__lt=before)
    rows = list(batches[: PAGE + 1])
    older = f"?before={rows[PAGE - 1].pk}" if len(rows) > PAGE else ""
    return render(
        request,
        "customers/imports/list.html",
        {
            "batches": [(batch, label_of(batch.kind)) for batch in rows[:PAGE]],
            "older": older,
            "newer": reverse("customers:import_list") if before is not None else "",
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin", "team_lead")
def import_new(request: HttpRequest) -> HttpResponse:
    """Take a file."""
    form = UploadForm(
        request.POST or None,
        request.FILES or None,
        role=request.user.role,
        initial={"kind": request.GET.get("kind")},
    )
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            batch = uploads.keep_upload(data["file"], kind=data["kind"], by=request.user, at=clock.now())
        except Refused as refusal:
            form.add_error("file", str(refusal))
        else:
            return redirect("customers:import_columns", pk=batch.pk)
    status = 422 if form.is_bound and form.errors else 200
    context = {"form": form, "crumbs": crumbs(), "kinds": kinds.every()}
    return render(request, "customers/imports/new.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin", "team_lead")
def import_columns(request: HttpRequest, pk: int) -> HttpResponse:
    """Say what the columns hold, see how the first lines read, start."""
    batch = get_object_or_404(ImportBatch.objects.visible_to(request.user), pk=pk)
    if batch.status != ImportBatch.Status.UPLOADED:
        return redirect("customers:import_detail", pk=pk)
    kind, at = kinds.named(batch.kind), clock.now()
    try:
        look = uploads.look_into(batch, kind, Mapping(), at=at)
    except Refused as refusal:
        return render(request, "customers/imports/unreadable.html", about(batch, problem=str(refusal)))
    form = MappingForm(request.POST or None, kind=kind, header=look.header, columns=look.columns)
    if form.is_bound and form.is_valid():
        wanted = form.cleaned_data["mapping"]
        try:
            look = uploads.look_into(batch, kind, wanted, at=at)
            if request.POST.get("do") == "start":
                uploads.start_import(batch, wanted, by=request.user, at=at)
                return redirect("customers:import_detail", pk=pk)
        except Refused as refusal:
            form.add_error(None, errors.on_page(refusal))
            look.problem = ""
    status = 422 if form.is_bound and form.errors else 200
    return render(
        request, "customers/imports/columns.html", about(batch, form=form, look=look), status=status
    )


@require_safe
@allow("admin", "team_lead")
def import_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show how far an import has come, or what became of it."""
    batch = get_object_or_404(ImportBatch.objects.visible_to(request.user).select_related("by"), pk=pk)
    if batch.status == ImportBatch.Status.UPLOADED:
        return redirect("customers:import_columns", pk=pk)
    part = request.GET.get("part") == "state"
    running = batch.status in RUNNING
    context = about(
        batch,
        running=running,
        phase=_phase(batch),
        errors=[] if running else _errors_of(batch),
        shares=[] if running or batch.status == ImportBatch.Status.UNDONE else undo.shares_of(batch),
        poll_url=f"{reverse('customers:import_detail', args=[pk])}?part=state",
    )
    return render(
        request, "customers/imports/state.html" if part else "customers/imports/detail.html", context
    )


@require_safe
@allow("admin", "team_lead")
def import_errors(request: HttpRequest, pk: int) -> HttpResponse | FileResponse:
    """Hand out the refused lines, to be mended and imported again."""
    batch = get_object_or_404(ImportBatch.objects.visible_to(request.user), pk=pk)
    path = background.error_file(batch)
    if path is None:
        raise Http404
    audit.record("import.download_errors", obj=batch, by=request.user, at=clock.now())
    stem = (
        Path(batch.file_name).name.removesuffix(".gz").removesuffix(".csv").removesuffix(".xlsx") or "import"
    )
    return FileResponse(
        path.open("rb"),
        as_attachment=True,
        filename=f"{stem}.errors.csv",
        content_type="text/csv; charset=utf-8",
    )


@require_safe
@allow("admin", "team_lead")
def import_sample(request: HttpRequest, code: str) -> HttpResponseBase:
    """Hand out a sample file of a kind, in the language of whoever asks."""
    kind = next((kind for kind in kinds.every() if kind.code == code), None)
    if kind is None:
        raise Http404
    form = "xlsx" if request.GET.get("format") == "xlsx" else "csv"
    lines = samples.lines_of(kind, firm=company.current(), at=clock.now())
    return exports.download(lines, header=samples.header_of(kind), form=form, name=f"sample-{kind.code}")


def about(batch: ImportBatch, **context: Any) -> dict[str, Any]:
    return {"batch": batch, "label": label_of(batch.kind), "crumbs": crumbs(), **context}


def crumbs() -> list[tuple[str, str]]:
    return [(_("Imports"), reverse("customers:import_list"))]


def label_of(code: str) -> str:
    """Return what a kind is called."""
    return next((str(kind.label) for kind in kinds.every() if kind.code == code), code)


def _phase(batch: ImportBatch) -> str:
    names = {
        "unpacking": _("Unpacking the workbook"),
        "looking": _("Looking over the file"),
        "reading": _("Reading the lines"),
        "landing": _("Writing the records"),
        "telling": _("Writing the refused lines"),
        "undoing": _("Taking the import back"),
    }
    return names.get(batch.progress.get("phase", ""), _("Waiting for its turn"))


def _errors_of(batch: ImportBatch) -> list[dict[str, str]]:
    """Return the first refused lines for the page, as they stood: only the file guards against formulas."""
    path = background.error_file(batch)
    if path is None:
        return []
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream)
        next(reader, None)
        lines = [row for row, _number in zip(reader, range(SHOWN_ERRORS), strict=False)]
    return [
        {
            "line": row[-4],
            "column": spreadsheets.restored(row[-2]),
            "reason": row[-1],
            "text": ", ".join(map(spreadsheets.restored, row[:-4]))[:200],
        }
        for row in lines
        if len(row) >= 4
    ]

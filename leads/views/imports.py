"""The broker's pages for bringing in files of leads: upload, look, confirm, follow, report."""

from __future__ import annotations

import csv

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from leads.access import MemberRequest, broker_required, get_import, imports_for
from leads.errors import DomainError
from leads.imports import MAX_BYTES
from leads.models import LeadImport
from leads.services import imports
from leads.tasks import imports as tasks
from leads.views.refusals import refusals_told

SHOWN = 20
SHOWN_ERRORS = 50


class UploadForm(forms.Form):
    """A file of leads."""

    file = forms.FileField(
        label="CSV or JSON file",
        help_text="Up to 20 MB. Any headings: you say next which column is what.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.tsv,.txt,.json,.jsonl"}),
    )

    def clean_file(self) -> UploadedFile[bytes]:
        """Refuse what is too large before it is read."""
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        if file.size is None or file.size > MAX_BYTES:
            raise forms.ValidationError(f"The file is larger than {MAX_BYTES // 1024 // 1024} MB. Split it.")
        return file


@broker_required
@require_http_methods(["GET", "POST"])
def import_leads(request: MemberRequest) -> HttpResponse:
    """List the imports; take a file in for a look."""
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    if form.is_bound and form.is_valid():
        file: UploadedFile[bytes] = form.cleaned_data["file"]
        try:
            made = imports.prepare_import(
                tenant=request.tenant,
                by=request.user,
                file_name=file.name or "leads.csv",
                content=file.read(),
            )
        except DomainError as error:
            form.add_error("file", error.message)
        else:
            return redirect("leads:lead-import-detail", made.pk)
    context = {
        "form": form,
        "imports": list(imports_for(request).exclude(state=LeadImport.State.DISCARDED)[:SHOWN]),
    }
    return render(request, "leads/lead_import.html", context, status=422 if form.errors else 200)


@broker_required
@require_safe
def import_detail(request: MemberRequest, pk: int) -> HttpResponse:
    """Show what an import would do, how far it is, or what it did."""
    lead_import = get_import(request, pk)
    if request.htmx:
        return render(request, "leads/_lead_import_progress.html", {"import": lead_import})
    context: dict[str, object] = {"import": lead_import, "errors": lead_import.errors[:SHOWN_ERRORS]}
    if lead_import.state == LeadImport.State.PREVIEW:
        look = imports.preview(lead_import=lead_import)
        context |= {
            "look": look,
            "errors": [error.as_dict() for error in look.errors[:SHOWN_ERRORS]],
            "columns": [
                (place, column, look.mapping.get(column, ""), [row.get(column, "") for row in look.samples])
                for place, column in enumerate(look.sheet.columns)
            ],
        }
    return render(request, "leads/lead_import_detail.html", context)


@broker_required
@require_POST
def map_columns(request: MemberRequest, pk: int) -> HttpResponse:
    """Keep which column is which field."""
    lead_import = get_import(request, pk)
    with refusals_told(request):
        mapping = {
            column: request.POST[f"column-{place}"]
            for place, column in enumerate(imports.columns_of(lead_import))
            if f"column-{place}" in request.POST
        }
        imports.map_columns(lead_import=lead_import, mapping=mapping)
        messages.success(request, "Columns kept. Look again below.")
    return redirect("leads:lead-import-detail", pk)


@broker_required
@require_POST
def start_import(request: MemberRequest, pk: int) -> HttpResponse:
    """Begin."""
    lead_import = get_import(request, pk)
    with refusals_told(request):
        imports.start_import(lead_import=lead_import)
        transaction.on_commit(lambda: tasks.run_import.delay(pk), robust=True)
        messages.success(request, "The import runs. You can leave this page.")
    return redirect("leads:lead-import-detail", pk)


@broker_required
@require_POST
def discard_import(request: MemberRequest, pk: int) -> HttpResponse:
    """Throw the file away."""
    try:
        imports.discard_import(lead_import=get_import(request, pk))
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("leads:lead-import-detail", pk)
    messages.success(request, "The file was thrown away; nothing was imported.")
    return redirect("leads:lead-import")


@broker_required
@require_safe
def import_errors(request: MemberRequest, pk: int) -> HttpResponse:
    """Give the rows that were left out as a file: row, column, what is wrong, how to mend it."""
    lead_import = get_import(request, pk)
    if not lead_import.errors:
        raise Http404
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="import-{pk}-errors.csv"'
    writer = csv.DictWriter(response, ["row", "field", "what", "mend"])
    writer.writeheader()
    writer.writerows({**error, "field": _plain(error["field"])} for error in lead_import.errors)
    return response


def _plain(heading: str) -> str:
    """Return a heading no spreadsheet takes for a formula."""
    return f"'{heading}" if heading[:1] in "=+-@\t\r" else heading

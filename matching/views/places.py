"""What is around homes: areas, a listing's surroundings, and the files they come from."""

from __future__ import annotations

import csv
from typing import Any

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from leads.access import MemberRequest, agent_required, broker_required, manages
from leads.errors import DomainError
from matching import selectors, tasks
from matching.access import (
    agency_links_for,
    get_agency_link,
    get_area,
    get_listing,
    get_place_import,
    place_imports_for,
)
from matching.forms import AgencyLinkForm, PlaceFileForm
from matching.models import PlaceImport, PlaceKind
from matching.services import place_imports

SETTINGS = "matching:places"
SHOWN = 20
SHOWN_ERRORS = 100


@agent_required
@require_safe
def area_list(request: MemberRequest) -> HttpResponse:
    """List the areas with what is around the homes for sale in each."""
    held = selectors.held_places(request.tenant)
    context = {
        "areas": selectors.area_figures(request.tenant),
        "held": held,
        "formulas": selectors.FORMULAS,
        "may_change": manages(request),
    }
    return render(request, "matching/area_list.html", context)


@agent_required
@require_safe
def area(request: MemberRequest, slug: str) -> HttpResponse:
    """Show what lies within an area."""
    row = get_area(request, slug)
    figures = next(one for one in selectors.area_figures(request.tenant) if one.area.pk == row.pk)
    context = {
        "area": row,
        "figures": figures,
        "places": selectors.area_places(row),
        "formulas": selectors.FORMULAS,
        "cited": selectors.cited(selectors.held_places(request.tenant), PlaceKind.POIS, PlaceKind.TRANSIT),
    }
    return render(request, "matching/area.html", context)


@agent_required
@require_safe
def listing_around(request: MemberRequest, pk: int) -> HttpResponse:
    """Show what is around a listing, in its page or alone."""
    listing = get_listing(request, pk)
    context = {"listing": listing, "around": selectors.around(listing), "formulas": selectors.FORMULAS}
    name = "matching/_around.html" if request.htmx else "matching/around.html"
    return render(request, name, context)


@broker_required
@require_http_methods(["GET", "POST"])
def places(request: MemberRequest) -> HttpResponse:
    """Show what was brought in from where; take a file in."""
    if request.method != "POST":
        return _render(request)
    form = PlaceFileForm(request.POST, request.FILES, auto_id="file-%s")
    if not form.is_valid():
        return _render(request, file_form=form)
    told = dict(form.cleaned_data)
    file: UploadedFile[bytes] = told.pop("file")
    try:
        row = place_imports.prepare_place_import(
            tenant=request.tenant,
            by=request.user,
            file_name=file.name or "places",
            content=file.read(),
            **told,
        )
    except DomainError as error:
        form.add_error(error.code if error.code in form.fields else "file", error.message)
        return _render(request, file_form=form)
    pk = row.pk
    transaction.on_commit(lambda: tasks.take_in_places.delay(pk), robust=True)
    return redirect("matching:place-import", pk)


@broker_required
@require_safe
def place_import(request: MemberRequest, pk: int) -> HttpResponse:
    """Show how far a file is, or what became of it."""
    row = get_place_import(request, pk)
    if request.htmx:
        response = render(request, "matching/_place_import_progress.html", {"import": row})
        if not row.is_running:
            response.headers["HX-Refresh"] = "true"  # what was left out is on the whole page
        return response
    return render(request, "matching/place_import.html", {"import": row, "errors": row.errors[:SHOWN_ERRORS]})


@broker_required
@require_safe
def place_import_errors(request: MemberRequest, pk: int) -> HttpResponse:
    """Give the rows that were left out as a file."""
    row: PlaceImport = get_place_import(request, pk)
    if not row.errors:
        raise Http404
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="places-{pk}-errors.csv"'
    writer = csv.DictWriter(response, ["row", "field", "what", "mend"])
    writer.writeheader()
    writer.writerows({name: _plain(value) for name, value in error.items()} for error in row.errors)
    return response


@broker_required
@require_POST
def remove_places(request: MemberRequest) -> HttpResponse:
    """Remove all places of a kind that came from a source."""
    kind, source = request.POST.get("kind", ""), request.POST.get("source", "")
    try:
        count = place_imports.remove_source(tenant=request.tenant, kind=kind, source=source)
    except DomainError as error:
        messages.error(request, error.message)
        return redirect(SETTINGS)
    tenant_id = request.tenant.pk
    transaction.on_commit(lambda: tasks.compute_places.delay(tenant_id), robust=True)
    messages.success(request, f"{count:,} places of {source} removed. Homes are worked out anew.")
    return redirect(SETTINGS)


@broker_required
@require_POST
def keep_agency(request: MemberRequest) -> HttpResponse:
    """Keep a link to a police agency."""
    form = AgencyLinkForm(request.POST, auto_id="agency-%s")
    if not form.is_valid():
        return _render(request, agency_form=form)
    link = place_imports.keep_agency_link(tenant=request.tenant, by=request.user, **form.facts())
    messages.success(request, f"{link.name}: kept.")
    return redirect(SETTINGS)


@broker_required
@require_POST
def remove_agency(request: MemberRequest, pk: int) -> HttpResponse:
    """Forget a link to a police agency."""
    link = get_agency_link(request, pk)
    place_imports.remove_agency_link(link=link)
    messages.success(request, f"{link.name} removed.")
    return redirect(SETTINGS)


def _plain(value: Any) -> Any:
    """Return a text no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value


def _render(
    request: MemberRequest,
    *,
    file_form: forms.Form | None = None,
    agency_form: forms.Form | None = None,
) -> HttpResponse:
    context: dict[str, Any] = {
        "held": selectors.held_places(request.tenant),
        "imports": list(place_imports_for(request).defer("content", "errors")[:SHOWN]),
        "agencies": list(agency_links_for(request)),
        "file_form": file_form or PlaceFileForm(auto_id="file-%s"),
        "agency_form": agency_form or AgencyLinkForm(auto_id="agency-%s"),
    }
    is_wrong = file_form is not None or agency_form is not None
    return render(request, "matching/places.html", context, status=422 if is_wrong else 200)

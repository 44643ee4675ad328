"""Fair housing: what was found in texts, and how evenly homes were shown."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from leads.access import MemberRequest, agent_required, broker_required, manages
from leads.charts import Chart, Series, line_chart
from leads.errors import DomainError
from matching import inputs, selectors, services, tasks
from matching.access import get_text_finding, text_findings_for
from matching.fairness import FOUR_FIFTHS, SMALL
from matching.forms import AreaGroupsForm, ReasonForm, TextForm
from matching.models import AreaKind, TextFinding
from matching.selectors import Exposed

TEXTS = "matching:fair-housing"
AUDIT = "matching:audit"
PAGE_ROWS = 25
PERIODS = ((30, "30 days"), (90, "90 days"), (365, "a year"))
STATES = (
    (TextFinding.State.OPEN, "To mend"),
    (TextFinding.State.OVERRIDDEN, "Kept, with a reason"),
    (TextFinding.State.MENDED, "Mended"),
)
BY = (
    (AreaKind.POSTAL_CODE.value, "ZIP codes"),
    (AreaKind.NEIGHBORHOOD.value, "Neighborhoods"),
    ("group", "Your groups of areas"),
)
DRAWN_GROUPS = 6


@agent_required
@require_GET
def fair_housing(request: MemberRequest) -> HttpResponse:
    """Show the sentences found, the rule each meets, and what to write instead."""
    return _render_texts(request)


@agent_required
@require_POST
def check_text(request: MemberRequest) -> HttpResponse:
    """Check a text before it is published, and show what is found in it."""
    form = TextForm(request.POST)
    if not form.is_valid():
        return _render_texts(request, form=form, status=422)
    found = services.check_marketing_text(
        tenant=request.tenant, text=form.cleaned_data["text"], by=request.user, now=timezone.now()
    )
    return _render_texts(request, form=form, found=found, is_checked=True)


@broker_required
@require_POST
def override_finding(request: MemberRequest, pk: int) -> HttpResponse:
    """Keep a sentence that was warned of, with the reason."""
    finding = get_text_finding(request, pk)
    form = ReasonForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    try:
        services.override_finding(finding=finding, reason=reason, by=request.user, now=timezone.now())
        messages.success(request, "Kept, with your reason.")
    except DomainError as error:
        messages.error(request, error.message)
    return redirect(TEXTS)


@agent_required
@require_POST
def settle_finding(request: MemberRequest, pk: int) -> HttpResponse:
    """Take note that a marketing text was mended."""
    finding = get_text_finding(request, pk)
    try:
        services.settle_marketing_finding(finding=finding, now=timezone.now())
        messages.success(request, "Noted as mended.")
    except DomainError as error:
        messages.error(request, error.message)
    return redirect(TEXTS)


@broker_required
@require_GET
def audit(request: MemberRequest) -> HttpResponse:
    """Show how evenly homes were shown, on what matches rest, and what became of texts."""
    return _render_audit(request)


@broker_required
@require_POST
def import_groups(request: MemberRequest) -> HttpResponse:
    """Replace the table of areas and groups by a file's."""
    form = AreaGroupsForm(request.POST, request.FILES)
    if not form.is_valid():
        return _render_audit(request, form=form)
    file: UploadedFile[bytes] = form.cleaned_data["file"]
    try:
        areas, groups = services.import_area_groups(
            tenant=request.tenant, content=file.read(), file_name=file.name or "areas.csv", now=timezone.now()
        )
    except DomainError as error:
        form.add_error("file", error.message)
        return _render_audit(request, form=form)
    messages.success(request, f"Kept: {areas:,} areas in {groups:,} groups.")
    return redirect(AUDIT)


def _render_texts(
    request: MemberRequest,
    *,
    form: forms.Form | None = None,
    found: list[TextFinding] | None = None,
    is_checked: bool = False,
    status: int = 200,
) -> HttpResponse:
    asked = request.GET.get("state", "")
    state = asked if asked in TextFinding.State.values else TextFinding.State.OPEN.value
    page = Paginator(text_findings_for(request).filter(state=state), PAGE_ROWS).get_page(
        request.GET.get("page")
    )
    context: dict[str, Any] = {
        "may_change": manages(request),
        "states": STATES,
        "state": state,
        "page": page,
        "texts": selectors.texts_of(request.tenant),
        "form": form or TextForm(),
        "found": found or [],
        "is_checked": is_checked,
    }
    return render(request, "matching/fair_housing.html", context, status=status)


def _render_audit(request: MemberRequest, *, form: forms.Form | None = None) -> HttpResponse:
    tenant, today = request.tenant, timezone.localdate()
    days = next((count for count, _ in PERIODS if str(count) == request.GET.get("days", "")), 90)
    grouped = selectors.has_groups(tenant)
    ways = [(value, label) for value, label in BY if value != "group" or grouped]
    by = next((value for value, _ in ways if value == request.GET.get("by", "")), "")
    by = by or ("group" if grouped else AreaKind.POSTAL_CODE.value)
    exposed = selectors.exposed(tenant, by=by, since=today - timedelta(days=days), until=today)
    context: dict[str, Any] = {
        "periods": PERIODS,
        "days": days,
        "ways": ways,
        "by": by,
        "exposed": exposed,
        "chart": _trend_chart(exposed),
        "four_fifths": FOUR_FIFTHS,
        "small": SMALL,
        "allowed": inputs.ALLOWED,
        "forbidden": [what for what, _ in inputs.FORBIDDEN],
        "digest": inputs.digest(),
        "chosen": selectors.chosen_weights(tenant),
        "trial": selectors.latest_trial(tenant),
        "texts": selectors.texts_of(tenant),
        "overrides": selectors.overrides_of(tenant),
        "has_groups": grouped,
        "form": form or AreaGroupsForm(),
    }
    return render(request, "matching/audit.html", context, status=200 if form is None else 422)


def _trend_chart(exposed: Exposed) -> Chart | None:
    """Draw the rates of a few groups over months in which each of them could be shown."""
    names = [one.group.name for one in exposed.compared]
    months = [one for one in exposed.trend if all(one.rates.get(name) is not None for name in names)]
    if not 0 < len(names) <= DRAWN_GROUPS or len(months) < 2:
        return None
    series = [
        Series(
            name,
            [100.0 * group.rate for one in months if (group := one.rates[name]) is not None],
            colour=number,
        )
        for number, name in enumerate(names, start=1)
    ]
    return line_chart(
        id="rates",
        title="Shown of what could be shown",
        labels=[f"{one.month:%b %Y}" for one in months],
        series=series,
        number="{:.0f}%".format,
        label_name="Month",
        is_straight=True,
    )


@broker_required
@require_POST
def try_other_names(request: MemberRequest) -> HttpResponse:
    """Have homes ranked for buyers under other names."""
    if not services.may_try(request.tenant):
        messages.error(
            request, "There is nobody to try it with: it needs a buyer with criteria and a home for sale."
        )
        return redirect(AUDIT)
    tasks.try_other_names.delay(request.tenant.pk, request.user.pk)
    messages.success(request, "It is being tried. Look again in a minute.")
    return redirect(AUDIT)

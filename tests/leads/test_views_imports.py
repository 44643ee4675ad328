from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import DjangoAssertNumQueries

from leads.models import Lead, LeadImport, Tenant, User
from leads.services import imports
from leads.views import imports as views

CONTENT = b"First Name,Email,=SUM(A1)\nDana,dana@example.com,x\nBad,not-an-address,y\n"
ONE = ["lead-import-detail", "lead-import-errors"]
POSTS = ["lead-import-columns", "lead-import-start", "lead-import-discard"]


def upload(browser: Client, content: bytes = CONTENT, name: str = "leads.csv") -> HttpResponse:
    file = SimpleUploadedFile(name, content, "text/csv")
    response: HttpResponse = browser.post(reverse("leads:lead-import"), {"file": file})  # type: ignore[assignment]
    return response


def made(tenant: Tenant, by: User | None = None, content: bytes = CONTENT) -> LeadImport:
    return imports.prepare_import(tenant=tenant, by=by, file_name="leads.csv", content=content)


def page(name: str, lead_import: LeadImport) -> str:
    return reverse(f"leads:{name}", args=[lead_import.pk])


def told(response: object) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", [*ONE, *POSTS])
def test_only_the_brokers_of_the_tenant_come_to_an_import(
    name: str,
    client: Client,
    agent_client: Client,
    broker_client: Client,
    tenant: Tenant,
    other_tenant: Tenant,
) -> None:
    ours, theirs = made(tenant), made(other_tenant)
    ask = "post" if name in POSTS else "get"

    assert getattr(client, ask)(page(name, ours))["Location"].startswith(reverse("leads:login"))
    assert getattr(agent_client, ask)(page(name, ours)).status_code == 403
    assert getattr(broker_client, ask)(page(name, theirs)).status_code == 404
    theirs.refresh_from_db()
    assert theirs.state == "preview"


def test_the_list_is_for_the_broker(client: Client, agent_client: Client) -> None:
    assert client.get(reverse("leads:lead-import")).status_code == 302
    assert agent_client.get(reverse("leads:lead-import")).status_code == 403


def test_a_file_is_uploaded_looked_at_confirmed_and_reported(
    broker_client: Client, broker: User, tenant: Tenant, django_capture_on_commit_callbacks: object
) -> None:
    response = upload(broker_client)

    row = LeadImport.objects.get()
    assert response["Location"] == page("lead-import-detail", row)
    assert (row.by, row.total, Lead.objects.count()) == (broker, 2, 0)
    look = broker_client.get(page("lead-import-detail", row)).content.decode()
    assert "Of the first 2 of 2 rows, 1 can be read" in look
    assert '<option value="first_name" selected>First name</option>' in look
    assert "An e-mail address has one @, like ana@example.com." in look

    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        started = broker_client.post(page("lead-import-start", row))

    assert told(started) == ["The import runs. You can leave this page."]
    assert Lead.objects.get().email == "dana@example.com"
    report = broker_client.get(page("lead-import-detail", row)).content.decode()
    assert "2 of 2 rows" in report
    assert page("lead-import-errors", row) in report
    again = broker_client.post(page("lead-import-start", row))
    assert told(again)[-1] == "This import has begun already."


def test_the_rows_left_out_come_as_a_file_without_formulas_or_values(
    broker_client: Client, tenant: Tenant
) -> None:
    row = made(tenant)
    row.errors = [{"row": 2, "field": "=SUM(A1)", "what": "Wrong.", "mend": "Right."}]
    row.save()

    response = broker_client.get(page("lead-import-errors", row))

    assert response["Content-Disposition"] == f'attachment; filename="import-{row.pk}-errors.csv"'
    assert response.content.decode().splitlines() == ["row,field,what,mend", "2,'=SUM(A1),Wrong.,Right."]
    row.errors = []
    row.save()
    assert broker_client.get(page("lead-import-errors", row)).status_code == 404


def test_a_file_that_cannot_be_read_is_said_on_the_form(
    broker_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = upload(broker_client, b"email\n")
    assert empty.status_code == 422
    assert "The file has headings but no rows." in empty.content.decode()

    monkeypatch.setattr(views, "MAX_BYTES", 3)
    assert "The file is larger than" in upload(broker_client).content.decode()
    assert broker_client.post(reverse("leads:lead-import")).status_code == 422
    assert LeadImport.objects.count() == 0


def test_columns_are_mapped_on_the_page(broker_client: Client, tenant: Tenant) -> None:
    row = made(tenant, content=b"who\na@example.com\n")
    problem = broker_client.get(page("lead-import-detail", row)).content.decode()
    assert "Say which column holds the name" in problem
    assert told(broker_client.post(page("lead-import-start", row)))[0].startswith("Say which column holds")

    kept = broker_client.post(page("lead-import-columns", row), {"column-0": "email"})

    assert told(kept)[-1] == "Columns kept. Look again below."
    row.refresh_from_db()
    assert row.mapping == {"who": "email"}
    wrong = broker_client.post(page("lead-import-columns", row), {"column-0": "shoe"})
    assert told(wrong)[-1] == "There is no field “shoe”."


def test_each_choice_goes_to_its_own_column(broker_client: Client, tenant: Tenant) -> None:
    row = made(tenant, content=b"Somebody,e,Telephone number,note\nAna,a@example.com,541-555-0101,fair\n")
    chosen = {"column-0": "first_name", "column-1": "email", "column-2": "phone", "column-3": "source"}

    broker_client.post(page("lead-import-columns", row), chosen)

    row.refresh_from_db()
    assert row.mapping == {
        "Somebody": "first_name",
        "e": "email",
        "Telephone number": "phone",
        "note": "source",
    }
    html = broker_client.get(page("lead-import-detail", row)).content.decode()
    order = [
        html.index(f'aria-label="Field that {column} fills"')
        for column in ("Somebody", "e", "Telephone number", "note")
    ]
    assert order == sorted(order)


def test_a_file_can_be_thrown_away(broker_client: Client, tenant: Tenant) -> None:
    row = made(tenant)

    broker_client.post(page("lead-import-discard", row))

    row.refresh_from_db()
    assert (row.state, row.content) == ("discarded", "")
    assert (
        "leads.csv"
        not in broker_client.get(reverse("leads:lead-import")).content.decode().split("Imports so far")[1]
    )
    again = broker_client.post(page("lead-import-discard", row))
    assert told(again)[-1] == "This import has begun: it cannot be thrown away."


def test_progress_is_a_fragment_while_it_runs(broker_client: Client, tenant: Tenant) -> None:
    row = made(tenant)
    LeadImport.objects.filter(pk=row.pk).update(state="running", done=1)

    html = broker_client.get(page("lead-import-detail", row), headers={"HX-Request": "true"}).content.decode()

    assert "1 of 2 rows" in html
    assert 'hx-trigger="every 2s"' in html
    assert "<html" not in html


def test_the_list_costs_a_constant_number_of_queries(
    broker_client: Client, tenant: Tenant, broker: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(5):
        row = made(tenant, broker)
        LeadImport.objects.filter(pk=row.pk).update(created_at=datetime(2026, 11, 1, tzinfo=UTC))
    broker_client.get(reverse("leads:lead-import"))

    with django_assert_num_queries(QUERIES):
        broker_client.get(reverse("leads:lead-import"))


QUERIES = 6

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import DjangoAssertNumQueries

from leads import imports as reading
from leads.custom_fields import FieldType
from leads.errors import DomainError
from leads.imports import FileError, ReadRow, RowError, guess_mapping, read_row, read_sheet
from leads.models import Event, Identity, Lead, LeadImport, Tenant
from leads.services import imports
from leads.tasks import imports as tasks
from tests.conftest import Freeze
from tests.factories import CustomFieldFactory, IdentityFactory, LeadFactory, TenantFactory

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CSV = (
    b"First Name,lname,E-mail,Mobile,Budget,Timeline,Tags,Date Added,Pool?\n"
    b'Dana,Whitfield,Dana@Example.com,(541) 555-0142,$580k,3 months,"buyer; open house",9/14/2026,Yes\n'
    b"Omar,Reyes,omar@example.com,,$500-600k,,,,\n"
    b"Nobody,Known,,,,,,,\n"
    b"Bad,Values,not-an-address,12,cheap,,,someday,\n"
)


@pytest.fixture
def frozen(freeze: Freeze) -> datetime:
    freeze(NOW)
    return NOW


def bring_in(tenant: Tenant, content: bytes = CSV, name: str = "leads.csv") -> LeadImport:
    made = imports.prepare_import(tenant=tenant, by=None, file_name=name, content=content)
    return imports.run_import(lead_import=imports.start_import(lead_import=made))


# Reading files


@pytest.mark.parametrize(
    "content",
    [
        b"email,name\na@example.com,Ana\n",
        b"\xef\xbb\xbfemail;name\r\na@example.com;Ana\r\n",
        "email\tname\na@example.com\tAna\n".encode("utf-16"),
        b'[{"email": "a@example.com", "name": "Ana"}]',
        b'{"contacts": [{"email": "a@example.com", "name": "Ana"}]}',
        b'{"email": "a@example.com", "name": "Ana"}',
        b'{"email": "a@example.com", "name": "Ana"}\n',
    ],
)
def test_files_of_other_programs_are_read(content: bytes) -> None:
    sheet = read_sheet(content, "leads.txt")

    assert sheet.columns == ("email", "name")
    assert sheet.rows == ({"email": "a@example.com", "name": "Ana"},)


def test_a_western_code_page_json_lines_and_odd_headings_are_read() -> None:
    assert read_sheet("name\nJosé\n".encode("cp1252"), "a.csv").rows == ({"name": "José"},)
    lines = read_sheet(
        b'{"name": "Ana", "tags": ["a", "b"]}\n{"name": "Bo", "beds": 3.0, "x": null}\n', "a.jsonl"
    )
    assert lines.rows == ({"name": "Ana", "tags": "a, b"}, {"name": "Bo", "beds": 3, "x": ""})
    assert read_sheet(b"phone,phone,,a\n1,2,3,4\n\n", "a.csv").columns == (
        "phone",
        "phone (2)",
        "Column 3",
        "a",
    )


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"  \n", "a.csv", "The file is empty."),
        (b"name,email\n", "a.csv", "The file has headings but no rows."),
        (b"[1, 2]", "a.json", "The JSON is not a list of objects, one for each lead."),
        (b'{"a": ', "a.json", "The file is not JSON: check for a missing comma, quote or bracket."),
        (b"a,b\n\x00,2\n", "a.csv", "The file is not text. Save it as CSV (UTF-8) or JSON."),
        (b"\xff\xfea", "a.csv", "The file is not text. Save it as CSV (UTF-8) or JSON."),
        (b"x" * 200_000 + b"\n1\n", "a.csv", "The file is not a table: a quotation mark is open, or a line "
         "is too long."),
        (b"a," * 200 + b"b\n" + b"1," * 200 + b"1\n", "a.csv", "The file has more than 200 columns. Keep "
         "those that say something."),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_says_why(content: bytes, name: str, said: str) -> None:
    with pytest.raises(FileError) as raised:
        read_sheet(content, name)

    assert raised.value.message == said


def test_too_large_a_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_BYTES", 10)
    with pytest.raises(FileError, match="larger than"):
        read_sheet(b"name,email\na,b\n", "a.csv")
    monkeypatch.setattr(reading, "MAX_BYTES", 1_000)
    monkeypatch.setattr(reading, "MAX_ROWS", 1)
    with pytest.raises(FileError, match="more than 1 rows"):
        read_sheet(b"name,email\na,b\nc,d\n", "a.csv")


# Headings and rows


@pytest.mark.parametrize(
    ("heading", "target"),
    [
        ("First Name", "first_name"),
        ("fname", "first_name"),
        ("FIRST_NAME*", "first_name"),
        ("firstName", "first_name"),
        ("Mobile", "phone"),
        ("Cell Phone", "phone"),
        ("Teléfono", "phone"),
        ("E-Mail Address", "email"),
        ("Lead Source", "source"),
        ("Zip Code", "postal_code"),
        ("Budget", "profile.budget"),
        ("Pre-Approved", "profile.financing"),
        ("SMS Opt-In", "consent.SMS"),
        ("consent.SMS", "consent.SMS"),
        ("How many pets?", "custom.pets"),
        ("pets", "custom.pets"),
        ("Shoe size", ""),
    ],
)
def test_headings_are_understood(heading: str, target: str) -> None:
    types = [FieldType("pets", "How many pets?", "NUMERICAL")]

    assert guess_mapping([heading], types) == {heading: target}


def test_a_field_is_filled_by_one_column() -> None:
    assert guess_mapping(["Mobile", "Phone"], []) == {"Mobile": "phone", "Phone": ""}


def test_a_row_becomes_typed_facts() -> None:
    sheet = read_sheet(CSV, "leads.csv")
    mapping = guess_mapping(sheet.columns, [])

    read = read_row(1, sheet.rows[0], mapping, [], now=NOW)

    assert isinstance(read, ReadRow)
    assert (read.facts.first_name, read.facts.last_name) == ("Dana", "Whitfield")
    assert (read.facts.email, read.facts.phone) == ("dana@example.com", "+15415550142")
    assert read.facts.profile == {"budget": 580_000.0, "timeline": "3 months"}
    assert read.facts.tags == ["buyer", "open house"]
    assert read.created_at == datetime(2026, 9, 14, tzinfo=UTC)
    other = read_row(2, sheet.rows[1], mapping, [], now=NOW)
    assert isinstance(other, ReadRow)
    assert other.facts.profile == {"budget": "$500-600k"}


def test_everything_wrong_with_a_row_is_said_without_its_values() -> None:
    sheet = read_sheet(CSV, "leads.csv")
    mapping = guess_mapping(sheet.columns, [])

    assert read_row(3, sheet.rows[2], mapping, [], now=NOW) == [
        RowError(
            3,
            "",
            "The row has no e-mail address, phone number or contact id.",
            "Add one: it is how a lead is known.",
        )
    ]
    wrong = read_row(4, sheet.rows[3], mapping, [], now=NOW)
    assert isinstance(wrong, list)
    assert [(error.row, error.field) for error in wrong] == [
        (4, "Budget"),
        (4, "Date Added"),
        (4, "E-mail"),
        (4, "Mobile"),
    ]
    assert wrong[0].what == "This is not an amount of money."
    assert wrong[0].mend == "Write it like $580,000, 580k or 1.2M."
    assert "cheap" not in str(wrong)


def test_countries_segments_and_consent_are_read() -> None:
    row = {
        "email": "a@example.com",
        "country": "U.S.A.",
        "segment": "First-time buyer",
        "sms": "STOP",
        "mail": "x",
    }
    mapping = {
        "email": "email",
        "country": "country",
        "segment": "segment",
        "sms": "consent.SMS",
        "mail": "consent.Email",
    }

    read = read_row(1, row, mapping, [], now=NOW)

    assert isinstance(read, ReadRow)
    assert (read.facts.country, read.facts.segment) == ("US", "first_time_buyer")
    assert read.facts.consent == {"SMS": "denied", "Email": "granted"}
    maybe = read_row(1, {**row, "sms": "maybe"}, mapping, [], now=NOW)
    assert isinstance(maybe, list)
    assert maybe[0].mend == "Write yes or no."


# Bringing them in


def test_good_rows_come_in_and_bad_ones_change_nothing(tenant: Tenant, frozen: datetime) -> None:
    done = bring_in(tenant)

    assert (done.state, done.total, done.done) == ("done", 4, 4)
    assert (done.created, done.updated, done.unchanged, done.failed) == (2, 0, 0, 2)
    assert done.content == ""
    assert len(done.errors) == 5
    dana = Lead.objects.get(email="dana@example.com")
    assert dana.profile == {"budget": 580_000.0, "timeline": "3 months"}
    assert dana.created_at == datetime(2026, 9, 14, tzinfo=UTC)
    assert dana.quality > 0
    assert sorted(dana.identities.values_list("kind", "value", "is_primary")) == [
        ("email", "dana@example.com", True),
        ("phone", "+15415550142", True),
    ]
    told, filled = Event.objects.filter(lead=dana).order_by("occurred_at")
    assert (told.kind, told.source, told.is_backfill) == ("contact.created", "import", True)
    assert (told.occurred_at, "custom" in told.data) == (dana.created_at, False)
    assert (filled.kind, filled.is_backfill, filled.occurred_at) == ("contact.updated", True, frozen)
    assert filled.data == {
        "fields": ["profile.budget", "profile.timeline"],
        "custom": {"profile.budget": "580000", "profile.timeline": "3 months"},
        "import_id": done.pk,
    }
    assert Lead.objects.count() == 2


def test_the_same_file_again_changes_nothing(tenant: Tenant, frozen: datetime) -> None:
    bring_in(tenant)

    again = bring_in(tenant)

    assert (again.created, again.updated, again.unchanged, again.failed) == (0, 0, 2, 2)
    assert (Lead.objects.count(), Identity.objects.count(), Event.objects.count()) == (2, 3, 3)


def test_a_known_lead_is_filled_in_but_never_overwritten(tenant: Tenant, frozen: datetime) -> None:
    lead = LeadFactory(
        tenant=tenant,
        first_name="Daniela",
        last_name="",
        email="dana@example.com",
        tags=["vip"],
        profile={"budget": 1.0},
        consent={"SMS": {"state": "granted", "at": "", "source": "ghl"}},
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    IdentityFactory(lead=lead, kind="email", value="dana@example.com")
    content = (
        b"First,Last,Email,Phone,Budget,Timeline,Tags,SMS opt in\n"
        b"Dana,Whitfield,dana@example.com,541-555-0142,$9,soon,buyer,no\n"
    )

    done = bring_in(tenant, content)

    assert (done.created, done.updated) == (0, 1)
    lead.refresh_from_db()
    assert (lead.first_name, lead.last_name, lead.phone) == ("Daniela", "Whitfield", "+15415550142")
    assert lead.profile == {"budget": 1.0, "timeline": "soon"}
    assert lead.tags == ["vip", "buyer"]
    assert lead.consent["SMS"]["state"] == "denied"
    assert lead.created_at == datetime(2026, 1, 1, tzinfo=UTC)
    event = Event.objects.get(kind="contact.updated")
    assert event.data["fields"] == ["last_name", "phone", "tags", "profile.timeline", "consent.SMS"]


def test_two_rows_of_one_person_are_one_lead(tenant: Tenant, frozen: datetime) -> None:
    content = (
        b"name,email,phone\n"
        b"Ana Ruiz,ana@example.com,\n"
        b"Ana Ruiz,ana@example.com,541-555-0101\n"
        b"Ana R,,541-555-0101\n"
    )

    done = bring_in(tenant, content)

    assert (done.created, done.updated, done.unchanged) == (1, 1, 1)
    assert Lead.objects.get().phone == "+15415550101"


def test_a_household_that_shares_a_phone_stays_two_people(tenant: Tenant, frozen: datetime) -> None:
    content = (
        b"name,email,phone\nAna Ruiz,ana@example.com,541-555-0101\nLuis Ruiz,luis@example.com,541-555-0101\n"
    )

    bring_in(tenant, content)

    assert sorted(Lead.objects.values_list("first_name", flat=True)) == ["Ana", "Luis"]
    assert Identity.objects.get(kind="phone").lead.first_name == "Ana"


def test_a_merged_lead_stands_for_its_survivor_and_other_tenants_are_not_touched(
    tenant: Tenant, other_tenant: Tenant, frozen: datetime
) -> None:
    survivor = LeadFactory(tenant=tenant, last_name="")
    absorbed = LeadFactory(tenant=tenant, status="merged", merged_into=survivor)
    IdentityFactory(lead=absorbed, kind="email", value="dana@example.com")
    foreign = LeadFactory(tenant=other_tenant, email="dana@example.com", last_name="")
    IdentityFactory(lead=foreign, kind="email", value="dana@example.com")

    bring_in(tenant, b"email,last\ndana@example.com,Whitfield\n")

    survivor.refresh_from_db()
    foreign.refresh_from_db()
    assert (survivor.last_name, foreign.last_name) == ("Whitfield", "")


def test_a_lead_somebody_deleted_stays_deleted(tenant: Tenant, frozen: datetime) -> None:
    lead = LeadFactory(tenant=tenant, status="deleted", last_name="")
    IdentityFactory(lead=lead, kind="email", value="dana@example.com")

    done = bring_in(tenant, b"email,last\ndana@example.com,Whitfield\n")

    lead.refresh_from_db()
    assert (done.unchanged, lead.status, lead.last_name) == (1, "deleted", "")


def test_own_fields_are_typed(tenant: Tenant, frozen: datetime) -> None:
    CustomFieldFactory(tenant=tenant, key="pets", name="How many pets?", data_type="NUMERICAL")

    done = bring_in(tenant, b"email,How many pets?\na@example.com,2\nb@example.com,a cat\n")

    assert Lead.objects.get().custom == {"pets": 2}
    assert (done.failed, done.errors[0]["field"]) == (1, "How many pets?")


def test_an_interrupted_import_goes_on_where_it_was(
    tenant: Tenant, freeze: Freeze, monkeypatch: pytest.MonkeyPatch
) -> None:
    freeze(NOW)
    monkeypatch.setattr(imports.files, "CHUNK", 2)
    content = b"email\n" + b"".join(b"a%d@example.com\n" % n for n in range(5))
    made = imports.prepare_import(tenant=tenant, by=None, file_name="a.csv", content=content)
    started = imports.start_import(lead_import=made)

    def die(row: LeadImport) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        imports.run_import(lead_import=started, progress=die)
    assert Lead.objects.count() == 2
    assert imports.waiting_imports() == []
    assert imports.run_import(lead_import=started).state == "running"

    freeze(NOW + timedelta(minutes=5))
    tasks.resume_imports()

    started.refresh_from_db()
    assert (started.state, started.created, started.done) == ("done", 5, 5)


def test_columns_can_be_mapped_by_hand_until_it_begins(tenant: Tenant, frozen: datetime) -> None:
    made = imports.prepare_import(
        tenant=tenant, by=None, file_name="a.csv", content=b"who,where\na@example.com,Bend\n"
    )
    assert imports.preview(lead_import=made).problem == (
        "Say which column holds the name, the e-mail address or the phone number."
    )
    with pytest.raises(DomainError):
        imports.start_import(lead_import=made)

    mapped = imports.map_columns(lead_import=made, mapping={"who": "email", "where": "city"})

    assert imports.preview(lead_import=mapped).good == 1
    for wrong in ({"who": "shoe"}, {"no": "email"}, {"where": "email"}):
        with pytest.raises(DomainError):
            imports.map_columns(lead_import=made, mapping=wrong)
    imports.start_import(lead_import=made)
    for late in (imports.start_import, imports.discard_import):
        with pytest.raises(DomainError):
            late(lead_import=made)
    with pytest.raises(DomainError):
        imports.map_columns(lead_import=made, mapping={"where": ""})


def test_five_hundred_rows_cost_a_constant_number_of_queries(
    tenant: Tenant, django_assert_max_num_queries: DjangoAssertNumQueries, frozen: datetime
) -> None:
    content = b"name,email,phone\n" + b"".join(
        b"P%d Q,p%d@example.com,541-555-%04d\n" % (n, n, n) for n in range(500)
    )
    made = imports.start_import(
        lead_import=imports.prepare_import(tenant=tenant, by=None, file_name="a.csv", content=content)
    )

    with django_assert_max_num_queries(30):
        imports.run_import(lead_import=made)

    assert Lead.objects.count() == 500


# The command


def run(*arguments: object) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("import_leads", *map(str, arguments), stdout=out, stderr=err, no_color=True)
    return out.getvalue(), err.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "leads.csv"
    path.write_bytes(CSV)
    return path


def test_the_command_reports_and_writes_the_rows_left_out(
    tenant: Tenant, file: Path, frozen: datetime
) -> None:
    out, err = run(file)

    assert "  Mobile                         Phone number" in out
    assert "  Pool?                          left out" in out
    assert "4 of 4 rows: 2 new, 0 filled in, 0 unchanged, 2 left out" in out
    report = list(csv.DictReader((file.parent / "leads.csv.errors.csv").read_text().splitlines()))
    assert len(report) == 5
    assert report[0]["row"] == "3"
    assert "2 rows were left out" in err


def test_a_dry_run_changes_nothing(tenant: Tenant, file: Path, frozen: datetime) -> None:
    out, err = run(file, "--dry-run")

    assert "of the first 4 of 4 rows 2 can be read, 2 cannot; nothing was changed" in out
    assert "row 4, Budget: This is not an amount of money. Write it like" in err
    assert (Lead.objects.count(), LeadImport.objects.count(), Event.objects.count()) == (0, 0, 0)
    assert not (file.parent / "leads.csv.errors.csv").exists()


def test_columns_are_mapped_on_the_command_line(tenant: Tenant, tmp_path: Path, frozen: datetime) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps([{"who": "a@example.com", "Source": "fair", "note": "x"}]))
    with pytest.raises(CommandError, match="Use --map COLUMN=FIELD"):
        run(path)

    run(path, "--map", "who=email", "--map", "note=source")

    lead = Lead.objects.get()
    assert (lead.email, lead.source) == ("a@example.com", "x")
    for wrong in ("who", "who=shoe", "nothing=email"):
        with pytest.raises(CommandError):
            run(path, "--map", wrong)


def test_an_interrupted_file_asks_for_resume(tenant: Tenant, file: Path, frozen: datetime) -> None:
    made = imports.prepare_import(tenant=tenant, by=None, file_name="leads.csv", content=CSV)
    imports.start_import(lead_import=made)
    with pytest.raises(CommandError, match="after 0 of 4 rows. Write --resume"):
        run(file)

    out, _ = run(file, "--resume")

    assert "going on after row 0 of 4" in out
    assert Lead.objects.count() == 2


def test_the_command_says_what_it_needs(db: None, tmp_path: Path, file: Path) -> None:
    with pytest.raises(CommandError, match="Say which tenant"):
        run(file)
    tenant = TenantFactory()
    for arguments, said in (
        ([], "Name a file"),
        ([tmp_path / "no.csv"], "cannot be read"),
        ([file, "--tenant", "nowhere"], "No tenant has the location nowhere"),
        (["--from-ghl"], "not connected to GoHighLevel"),
    ):
        with pytest.raises(CommandError, match=said):
            run(*arguments)
    all_bad = tmp_path / "bad.csv"
    all_bad.write_text("email\nnot-an-address\n")
    with pytest.raises(CommandError, match="No row could be read"):
        run(all_bad, "--tenant", tenant.location_id)

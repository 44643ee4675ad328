from __future__ import annotations

import csv
import json
import threading
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from leads.models import Event, Tenant
from matching.listings import files
from matching.listings.files import FileRefused
from matching.models import FeedRun, Listing, ListingMapping, Media
from matching.services import imports
from matching.services import listings as storing
from tests.matching.records import record

CSV = """MLS #;Status;Asking Price;Beds;Baths;Sq Ft;Address;Town;State;Zip;Agent Remarks;Commission;Photo;Mood
1001;Active;$525,000;3;2.5;1,850;12 Alder St;Harborview;Washington;98001;Key under mat;3%;https://a.example/1;happy
1002;Sold;410000;2;1;900;14 Alder St;Harborview;WA;98001;;;;
1003;Active;0;2;1;900;16 Alder St;Harborview;WA;98001;;;;
1004;Active;380000;lots;1;900;18 Alder St;Harborview;WA;98001;;;;
"""


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    path = tmp_path / "listings.csv"
    path.write_text(CSV)
    return path


@pytest.fixture
def odata(tmp_path: Path) -> Path:
    path = tmp_path / "page.json"
    told = {"@odata.context": "$metadata#Property", "value": [record(n) for n in range(7)]}
    path.write_text(json.dumps(told))
    return path


def run(*arguments: str) -> None:
    call_command("import_listings", *arguments)


def errors_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_file_of_everyday_headings_comes_in(
    tenant: Tenant, sheet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(str(sheet))

    first = Listing.objects.get(listing_key="1001")
    assert (first.list_price, first.living_area) == (Decimal(525_000), Decimal(1_850))
    assert (first.bedrooms_total, first.baths) == (3, 2.5)
    assert (first.state_or_province, first.postal_code, first.standard_status) == ("WA", "98001", "Active")
    assert first.private == {"PrivateRemarks": "Key under mat"}
    assert first.other == {"BathroomsTotalDecimal": "2.5", "Mood": "happy"}
    assert Media.objects.get().media_url == "https://a.example/1"
    assert Listing.objects.get(listing_key="1002").standard_status == "Closed"
    assert Listing.objects.get(listing_key="1004").bedrooms_total is None
    assert not Listing.objects.filter(listing_key="1003").exists()
    assert errors_of(sheet.with_name("listings.csv.errors.csv")) == [
        {
            "row": "3",
            "key": "1003",
            "field": "ListPrice",
            "what": "The price is zero or below.",
            "mend": "Write the price, or leave it empty.",
        },
        {
            "row": "4",
            "key": "1004",
            "field": "BedroomsTotal",
            "what": "This is not a number. The listing was stored without it.",
            "mend": "Write digits, like 525000.",
        },
    ]
    kept = FeedRun.objects.get()
    assert (kept.done, kept.created, kept.failed, kept.ended_at is not None) == (4, 3, 1, True)
    assert (kept.source, len(kept.errors)) == ("listings.csv", 2)
    said = capsys.readouterr()
    assert "4 rows: 3 new, 0 changed, 0 unchanged, 1 left out" in said.out
    assert "Asking Price                   ListPrice" in said.out
    assert Event.objects.get(kind="listing.added").is_backfill


def test_the_same_file_again_is_harmless(
    tenant: Tenant, sheet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(str(sheet))
    run(str(sheet))

    assert "nothing to do" in capsys.readouterr().out
    assert FeedRun.objects.count() == 1
    run(str(sheet), "--again")
    assert FeedRun.objects.get(pk=FeedRun.objects.latest("pk").pk).unchanged == 3
    assert Event.objects.filter(kind="listing.changed").count() == 0


def test_a_dry_run_reads_every_row_and_keeps_nothing(
    tenant: Tenant, sheet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(str(sheet), "--dry-run", "--save-mapping", "north")

    said = capsys.readouterr()
    assert "dry run: 3 of 4 rows can be stored, 1 cannot; nothing was changed" in said.out
    assert "row 3, ListPrice: The price is zero or below. Write the price, or leave it empty." in said.err
    assert len(errors_of(sheet.with_name("listings.csv.errors.csv"))) == 2
    assert not Listing.objects.exists()
    assert not FeedRun.objects.exists()
    assert not ListingMapping.objects.exists()


def test_columns_are_mapped_and_the_mapping_is_kept(tenant: Tenant, tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_text("No,How,Wanted,ListPrice\n7,Active,300000,1\n")
    given = ("--map", "No=ListingKey", "--map", "How=StandardStatus", "--map", "Wanted=ListPrice")

    run(str(path), *given, "--save-mapping", "odd program")

    assert Listing.objects.get().list_price == 300_000
    assert Listing.objects.get().other == {}
    path.write_text("No,How,Wanted\n7,Active,290000\n")
    run(str(path), "--mapping", "odd program")
    assert Listing.objects.get().list_price == 290_000


def test_an_odata_answer_comes_in(tenant: Tenant, odata: Path) -> None:
    run(str(odata), "--tenant", tenant.location_id)

    assert Listing.objects.count() == 7
    assert Listing.objects.get(listing_key="NW3").originating_system_name == "Northwest MLS"


def test_an_interrupted_file_goes_on_where_it_was(
    tenant: Tenant, odata: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(imports, "BATCH", 3)
    store = storing.store_listings
    calls = 0

    def break_at_the_third(**options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return store(**options)

    monkeypatch.setattr(imports, "store_listings", break_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        run(str(odata))
    assert (FeedRun.objects.get().done, Listing.objects.count()) == (6, 6)
    with pytest.raises(CommandError, match="interrupted after 6 rows"):
        run(str(odata))

    run(str(odata), "--resume")

    kept = FeedRun.objects.get()
    assert (kept.done, kept.created, kept.ended_at is not None) == (7, 7, True)
    assert "going on after row 6" in capsys.readouterr().out
    assert all(event.is_backfill for event in Event.objects.filter(kind="listing.added"))


class _Server(HTTPServer):
    content = b""


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # noqa: N802
        assert isinstance(self.server, _Server)
        found = self.path.startswith("/listings.csv")
        self.send_response(200 if found else 404)
        self.end_headers()
        self.wfile.write(self.server.content if found else b"")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    _Server.content = CSV.encode()
    with _Server(("127.0.0.1", 0), _Answer) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()
        thread.join()


def test_a_file_is_fetched_from_its_address(
    tenant: Tenant, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run(f"{server}/listings.csv?token=secret")

    assert Listing.objects.count() == 3
    assert FeedRun.objects.get().source == "listings.csv"
    assert (tmp_path / "listings.csv.errors.csv").exists()
    with pytest.raises(CommandError, match="answered 404"):
        run(f"{server}/none.csv")
    with pytest.raises(CommandError, match="cannot be read"):
        run("http://127.0.0.1:9/listings.csv")


def test_the_command_says_what_it_needs(tenant: Tenant, other_tenant: Tenant, sheet: Path) -> None:
    with pytest.raises(CommandError, match="Say which tenant"):
        run(str(sheet))
    with pytest.raises(CommandError, match="There is no mapping"):
        run(str(sheet), "--tenant", tenant.location_id, "--mapping", "none")
    with pytest.raises(CommandError, match="cannot be read"):
        run(str(sheet) + "x", "--tenant", tenant.location_id)


def test_a_file_of_which_nothing_can_be_stored_is_a_failure(tenant: Tenant, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text('[{"ListingKey": "1", "StandardStatus": "Lost"}, 7]')

    with pytest.raises(CommandError, match="No row could be stored"):
        run(str(path))
    assert FeedRun.objects.get().unknown == {}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The file is empty"),
        (b"ListingKey,StandardStatus\n", "The file has no rows"),
        (b"\x00\x01\x02binary", "not text"),
        (b'ListingKey,StandardStatus\n1,"Active\n', "column"),
        (b"[1, 2]", "not a list of objects"),
        (b'[{"ListingKey": 1}', "ends in the middle"),
        (b'[{"ListingKey": ]', "not JSON"),
        (b'{"value": 7}', "key"),
        (b'{"value": [{"ListingKey": 1}', "ends in the middle"),
        (b'{"value" 7}', "not JSON"),
        (b"{7: 1}", "not JSON"),
        (b"ListingKey,Price\n1,2\n", "status"),
        (b"StandardStatus,Price\nActive,2\n", "key"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / ("a.json" if content[:1] in b"[{" and content else "a.csv")
    path.write_bytes(content)
    if said == "column":
        file = files.examine(path)
        assert files.guess_mapping(file.columns) == {name: name for name in file.columns}
        return

    with pytest.raises(FileRefused, match=said):
        files.complete_mapping(files.examine(path).columns, {})


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ({"Nope": "City"}, "no column"),
        ({"Town": "ListPrice", "Asking Price": "ListPrice"}, "Two columns"),
    ],
)
def test_a_wrong_mapping_is_refused(mapping: dict[str, str], said: str, sheet: Path) -> None:
    with pytest.raises(FileRefused, match=said):
        files.complete_mapping(files.examine(sheet).columns, mapping)


def test_long_json_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PIECE", 50)
    path = tmp_path / "long.json"
    rows = [record(n) for n in range(30)]
    for text in (
        json.dumps(rows, indent=1),
        json.dumps({"@odata.context": "x", "value": rows}),
        "\n".join(json.dumps(row) for row in rows),
    ):
        path.write_text(text)
        assert list(files.rows_of(files.examine(path))) == rows


def test_western_code_pages_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("ListingKey,StandardStatus,City\n1,Active,Cañon\n".encode("cp1252"))
    assert next(files.rows_of(files.examine(path)))["City"] == "Cañon"
    path.write_bytes("ListingKey,StandardStatus,City\n1,Active,Cañon\n".encode("utf-16"))
    assert next(files.rows_of(files.examine(path)))["City"] == "Cañon"

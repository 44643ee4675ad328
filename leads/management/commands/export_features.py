"""Write the features of leads as they were over time, in the form an offline store of Feast reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from leads.management.options import moment_of, tenant_of
from leads.ml.catalogue import FEATURES
from leads.selectors.histories import FeatureRow, count_leads, feature_rows

ROWS = 5_000
"""Rows kept in memory before they are written."""

_MOMENT = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [
        pa.field("location_id", pa.string(), nullable=False),
        pa.field("lead_id", pa.int64(), nullable=False),
        pa.field("event_timestamp", _MOMENT, nullable=False),
        pa.field("created", _MOMENT, nullable=False),
        pa.field("version", pa.string(), nullable=False),
        *(
            pa.field(
                feature.name,
                pa.float64(),
                nullable=False,
                metadata={"unit": feature.unit, "label": feature.label},
            )
            for feature in FEATURES
        ),
    ]
)
_STEP = re.compile(r"([1-9]\d{0,3})([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


class Command(BaseCommand):
    help = (
        "Write the features of leads as they were at past moments to a Parquet file: one row a lead and "
        "moment, from what had happened by then. Answers and completeness of the record, which keeps no "
        "history, count only since its last change."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Describe the choices."""
        parser.add_argument("--output", required=True, metavar="FILE", help="the Parquet file to write")
        parser.add_argument("--tenant", default="", metavar="LOCATION_ID", help="only this location's leads")
        parser.add_argument(
            "--since", default="", metavar="TIME", help="rows of then or later, UTC unless said"
        )
        parser.add_argument("--until", default="", metavar="TIME", help="rows before then; now unless said")
        parser.add_argument(
            "--every",
            default="",
            metavar="STEP",
            help="a row each step, like 12h, 7d or 2w, counted from a Monday midnight UTC, from a lead's "
            "first event on; unless said, a row at each event",
        )

    def handle(self, **options: Any) -> None:
        """Write the file, telling how far it is."""
        now = timezone.now()
        tenant = tenant_of(options["tenant"])
        since, until = moment_of("--since", options["since"]), moment_of("--until", options["until"]) or now
        if until > now:
            raise CommandError("--until lies ahead: features are known up to now.")
        if since is not None and since >= until:
            raise CommandError("--since has to lie before --until.")
        rows = feature_rows(tenant=tenant, since=since, until=until, every=_step(options["every"]))
        target = Path(options["output"])
        part = target.with_name(f"{target.name}.part")
        try:
            written = self._write(part, rows, count_leads(tenant), now)
            part.replace(target)
        except OSError as error:
            raise CommandError(f"{target} cannot be written: {error.strerror or error}.") from error
        finally:
            part.unlink(missing_ok=True)
        self.stdout.write(f"{written} rows of {len(FEATURES)} features written to {target}")

    def _write(self, part: Path, rows: Iterable[list[FeatureRow]], leads: int, now: datetime) -> int:
        """Write rows by and by and return how many."""
        written, waiting = 0, list[FeatureRow]()
        with pq.ParquetWriter(part, SCHEMA, compression="zstd") as writer:
            for done, found in enumerate(rows, start=1):
                waiting += found
                written += len(found)
                while len(waiting) >= ROWS:
                    writer.write_batch(_batch(waiting[:ROWS], now))
                    del waiting[:ROWS]
                if done % 100 == 0 or done == leads:
                    self.stderr.write(f"{done} of {leads} leads, {written} rows")
            if waiting:
                writer.write_batch(_batch(waiting, now))
        return written


def _batch(rows: Sequence[FeatureRow], now: datetime) -> pa.RecordBatch:
    """Return rows as the columns of the file."""
    columns = [
        pa.array([row.location_id for row in rows], pa.string()),
        pa.array([row.lead_id for row in rows], pa.int64()),
        pa.array([row.at for row in rows], _MOMENT),
        pa.array([now] * len(rows), _MOMENT),
        pa.array([row.vector.version for row in rows], pa.string()),
        *(pa.array([row.vector.values[i] for row in rows], pa.float64()) for i in range(len(FEATURES))),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def _step(text: str) -> timedelta | None:
    if not text:
        return None
    match = _STEP.fullmatch(text)
    if match is None:
        raise CommandError("--every is not a step: write it like 12h, 7d or 2w.")
    return int(match[1]) * _UNITS[match[2]]

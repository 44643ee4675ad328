"""Judge the leads a batch changed: segment and completeness."""

from __future__ import annotations

from leads.quality import quality
from leads.segments import SegmentFacts, segment_of
from leads.services.ingest.batch import Batch


def judge(batch: Batch) -> None:
    """Bring quality of every changed lead up to date; a segment already found is not taken back here."""
    for lead in batch.touched.values():
        if not lead.segment and lead.profile:
            lead.segment = segment_of(SegmentFacts(profile=lead.profile)).segment
        verdict = quality(lead)
        lead.quality = verdict.score
        lead.quality_missing = [piece.as_dict() for piece in verdict.missing]

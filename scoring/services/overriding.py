"""What agents say beside the score: set, withdrawn, faded, and graded once the outcome is known."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from leads.errors import DomainError
from leads.events import Kind, Mark
from leads.models import Lead, ModelVersion, User
from leads.services.events import record_event
from leads.services.standing import set_view
from scoring import selectors
from scoring.models import ScoreOverride
from scoring.outcomes import HORIZON, Target
from scoring.overrides import LASTS, REASON_LABELS, Known, Reason, became
from scoring.services import serving

End = ScoreOverride.End
CHUNK = 200


@transaction.atomic
def set_override(*, lead: Lead, score: float, reason: Reason, note: str, by: User) -> ScoreOverride:
    """Keep what an agent says of a lead beside its score; it takes the place of what was said before."""
    lead, now = _lock(lead), timezone.now()
    if lead.score is None or lead.status != Lead.Status.ACTIVE:
        raise DomainError("This lead has no score yet: there is nothing to stand beside.", "score")
    marks = [one.word for one in selectors.outcomes_of([lead], until=now)[lead.pk] if one.word in set(Mark)]
    if marks and marks[-1] != Mark.OPEN:
        raise DomainError("What became of this lead is known already.", "ended")
    for before in _standing(lead):
        _end(before, End.REPLACED if before.is_standing(now) else End.FADED, by)
    version = selectors.model_of(lead)
    override = ScoreOverride.objects.create(
        tenant_id=lead.tenant_id,
        lead=lead,
        set_by=by,
        set_at=now,
        score=score,
        reason=reason,
        note=note,
        model_score=lead.score,
        model_tier=lead.tier,
        model_version=version,
        target=foretold_by(version),
    )
    record_event(
        tenant=lead.tenant,
        kind=Kind.LEAD_OVERRIDDEN,
        lead=lead,
        data={
            "override": override.pk,
            "score": score,
            "model_score": lead.score,
            "reason": reason,
            "words": ": ".join(part for part in (REASON_LABELS[reason], note) if part),
        },
        actor_id=by.pk,
    )
    set_view(lead=lead, score=score, until=override.fades_at, now=now)
    return override


@transaction.atomic
def withdraw_override(*, lead: Lead, by: User) -> None:
    """Take back what stands beside a lead's score."""
    lead, now = _lock(lead), timezone.now()
    standing = [override for override in _standing(lead) if override.is_standing(now)]
    if not standing:
        raise DomainError("Nothing stands beside this score any more.", "gone")
    for override in standing:
        _end(override, End.WITHDRAWN, by)
        record_event(
            tenant=lead.tenant,
            kind=Kind.LEAD_OVERRIDE_WITHDRAWN,
            lead=lead,
            data={"override": override.pk, "score": override.score},
            actor_id=by.pk,
        )
    set_view(lead=lead, score=None, until=None, now=now)


def tend_overrides() -> int:
    """End what has faded and grade what is known, or known otherwise since; return how many were graded."""
    now, graded = timezone.now(), 0
    faded = Q(ended_at=None, set_at__lte=now - LASTS)
    open_still = Q(graded_at=None) | Q(came=False, set_at__gt=now - HORIZON)
    waiting = list(
        ScoreOverride.objects.filter(faded | open_still).order_by("pk").values_list("pk", flat=True)
    )
    for start in range(0, len(waiting), CHUNK):
        rows = ScoreOverride.objects.filter(pk__in=waiting[start : start + CHUNK]).order_by("pk")
        overrides = list(rows.select_related("lead__tenant", "lead__merged_into"))
        leads = [override.lead.merged_into or override.lead for override in overrides]
        outcomes = selectors.outcomes_of(list({lead.pk: lead for lead in leads}.values()), until=now)
        for override, lead in zip(overrides, leads, strict=True):
            known = became(
                outcomes.get(lead.pk, []), override.set_at, target=Target(override.target), now=now
            )
            is_new = known is not None and (override.came, override.known_at) != (known.came, known.at)
            is_over = override.ended_at is None and (known is not None or not override.is_standing(now))
            if is_new or is_over:
                _settle(override=override, known=known)
                graded += is_new
    return graded


@transaction.atomic
def _settle(*, override: ScoreOverride, known: Known | None) -> None:
    """Write what became of an override, and end it."""
    lead, now = _lock(override.lead), timezone.now()
    override = ScoreOverride.objects.select_for_update(of=("self",)).get(pk=override.pk)
    if known is not None:
        override.came, override.known_at, override.graded_at = known.came, known.at, now
        override.save(update_fields=["came", "known_at", "graded_at"])
    if override.ended_at is None:
        _end(override, End.OUTCOME if override.is_standing(now) else End.FADED, None)
        set_view(lead=lead, score=None, until=None, now=now)


def _lock(lead: Lead) -> Lead:
    return Lead.objects.select_for_update(no_key=True, of=("self",)).select_related("tenant").get(pk=lead.pk)


def _standing(lead: Lead) -> list[ScoreOverride]:
    return list(ScoreOverride.objects.filter(lead=lead, ended_at=None).select_for_update(of=("self",)))


def _end(override: ScoreOverride, end: ScoreOverride.End, by: User | None) -> None:
    override.end, override.ended_by = end, by
    override.ended_at = override.fades_at if end == End.FADED else timezone.now()
    override.save(update_fields=["end", "ended_by", "ended_at"])


def foretold_by(version: str) -> Target:
    """Return what a score of a version foretells; the rules speak of closings."""
    found = ModelVersion.objects.filter(name=version, engine=serving.ENGINE).first() if version else None
    return Target(found.target) if found is not None and found.target else Target.CLOSING

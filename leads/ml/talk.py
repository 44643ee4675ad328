"""What both sides say to each other: who writes, how fast, on which channel, and what the lead said."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from leads.events import Kind
from leads.ml.memory import DAY, State, count, smooth
from leads.ml.text import TextSignals, read_message

NEW_CONVERSATION = 3 * DAY
"""Silence after which a message of the lead starts a conversation anew."""

WAITS = frozenset({Kind.MESSAGE_RECEIVED, Kind.CALL_MISSED, Kind.VOICEMAIL_RECEIVED})
"""After these the lead waits for an answer."""

INBOUND = WAITS | {Kind.CALL_RECEIVED, Kind.VOICE_AI_CALL_ENDED}
OUTBOUND = frozenset({Kind.MESSAGE_SENT, Kind.CALL_MADE})
WRITTEN = frozenset({Kind.MESSAGE_RECEIVED, Kind.FORM_SUBMITTED, Kind.SURVEY_SUBMITTED})
"""Only here is the text the lead's own; a call's transcript has the words of both."""

TALKED = frozenset({Kind.CALL_RECEIVED, Kind.CALL_MADE, Kind.VOICE_AI_CALL_ENDED})
TONES = 8
"""Tones of messages remembered, for the way they go."""


def remember_inbound(after: State, kind: str, data: Mapping[str, Any], at: float) -> None:
    """Note that the lead got in touch: replying, or of their own accord."""
    asked = after.pop("asked", None)
    if asked is not None:
        _time(after, "lead_reply", math.log1p((at - asked) / 3600))
    last_out = after.get("out_at")
    started = last_out is None or at - last_out > NEW_CONVERSATION
    count(after, "inbound")
    count(after, _channel(kind, data))
    if started:
        count(after, "started")
    if kind in WAITS:
        after.setdefault("waits", at)
    else:
        after.pop("waits", None)


def _channel(kind: str, data: Mapping[str, Any]) -> str:
    """Return the way a lead chose; all messengers are one, for which of them is used tells of origin."""
    if kind != Kind.MESSAGE_RECEIVED:
        return "by_call"
    return "by_email" if data.get("channel") == "Email" else "by_text"


def remember_outbound(after: State, at: float, *, automatic: bool) -> None:
    """Note that we got in touch; an automatic message is no answer."""
    count(after, "outbound")
    after["out_at"] = at
    after.setdefault("asked", at)
    if automatic:
        return
    waits = after.pop("waits", None)
    if waits is not None:
        _time(after, "team_reply", math.log1p((at - waits) / 60))


def _time(after: State, name: str, value: float) -> None:
    """Keep the usual reply time and the latest one."""
    smooth(after, name, value)
    after[f"{name}_last"] = value


def remember_words(after: State, text: str, at: datetime, *, counted: bool) -> None:
    """Fold what the lead said into the state."""
    signals = read_message(text, now=at)
    if counted:
        count(after, "messages")
        count(after, "questions", float(signals.question))
        count(after, "unhappy", float(signals.sentiment < 0))
        smooth(after, "sentences", float(signals.sentences))
    after["wrote"] = at.timestamp()
    if signals.sentiment:
        after["mood_last"] = signals.sentiment
        smooth(after, "mood", signals.sentiment)
        after["moods"] = [*after.get("moods", ()), round(signals.sentiment, 3)][-TONES:]
    if signals.answers:
        after["answers"] = sorted({*after.get("answers", ()), *signals.answers})
    if signals.declared:
        after["declared"] = sorted({*after.get("declared", ()), *signals.declared})
    if signals.budget is not None:
        after["budget"] = signals.budget
    if signals.financing:
        after["financing"] = signals.financing
    if signals.move_at is not None:
        after["move_at"] = signals.move_at.timestamp()
    if signals.urgency is not None and signals.move_at is None:
        after["fades"]["haste"] = signals.urgency
    _say(after, signals, at.timestamp())
    _note(after, signals, at.timestamp())


def _say(after: State, signals: TextSignals, at: float) -> None:
    """Note when each signal was last given; one of interest takes back a refusal, and the other way round."""
    said = signals.buying | signals.objections
    if not said:
        return
    kept = dict(after.get("said", {}))
    if "not_interested" in said:
        kept = {}
    elif signals.buying:
        kept.pop("not_interested", None)
    kept.update(dict.fromkeys(sorted(said), at))
    after["said"] = kept


def _note(after: State, signals: TextSignals, at: float) -> None:
    """Note when the lead last named a lender, cash, the end of a lease, wavered or bargained."""
    if objections := len(signals.objections) + ("hesitation" in signals.noted):
        count(after, "objections", float(objections))
    if signals.noted:
        if "negotiation" in signals.noted:
            count(after, "negotiations")
        after["noted"] = {**after.get("noted", {}), **dict.fromkeys(sorted(signals.noted), at)}


def tell(values: dict[str, float], state: State, fades: Mapping[str, float], moment: float) -> None:
    """Write the features of how both sides talk."""
    inbound, messages = fades.get("inbound", 0.0), fades.get("messages", 0.0)
    waits, mood = state.get("waits"), state.get("mood", 0.0)
    for name, feature, trend in (
        ("lead_reply", "lead_reply_hours", "lead_reply_trend"),
        ("team_reply", "team_reply_minutes", "team_reply_trend"),
    ):
        usual = state.get(name)
        if usual is None:
            values[feature] = -1.0
        else:
            values[feature] = math.expm1(usual)
            values[trend] = state[f"{name}_last"] - usual
    if inbound > 1e-12:
        values["initiative"] = fades.get("started", 0.0) / inbound
        _tell_channels(values, fades)
    if waits is not None:
        values["waiting_hours"] = min(720.0, (moment - waits) / 3600)
    if messages > 1e-12:
        values["question_share"] = fades.get("questions", 0.0) / messages
        values["unhappy_share"] = fades.get("unhappy", 0.0) / messages
    values["message_sentences"] = state.get("sentences", 0.0)
    values["sentiment"] = mood
    values["sentiment_change"] = state.get("mood_last", mood) - mood
    values["sentiment_trend"] = trend_of(state.get("moods", ()))


def _tell_channels(values: dict[str, float], fades: Mapping[str, float]) -> None:
    text, email, call = (fades.get(name, 0.0) for name in ("by_text", "by_email", "by_call"))
    total = text + email + call
    if total <= 1e-6:
        return
    text, email, call = text / total, email / total, call / total
    values["text_share"], values["email_share"], values["call_share"] = text, email, call
    values["channel_mix"] = max(0.0, 1.0 - (text * text + email * email + call * call))


def trend_of(tones: list[float] | tuple[float, ...]) -> float:
    """Return how far tones went up or down along the line that fits them best; two tell nothing yet."""
    number = len(tones)
    if number < 3:
        return 0.0
    middle = (number - 1) / 2
    slope = sum([(i - middle) * tone for i, tone in enumerate(tones)]) * 12 / (number * (number * number - 1))
    return max(-2.0, min(2.0, slope * (number - 1)))

"""Fair reading: a flood from one tenant does not make the others wait; pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

LEAST_SHARE = 4


@dataclass(slots=True)
class Entry:
    """Work to do: an event or a delivery by id, and where it was read; `stream` is empty for polled work."""

    kind: str
    pk: int
    tenant: str
    correlation_id: str = ""
    stream: str = ""
    entry_id: bytes = b""
    tries: int = 0
    is_suspect: bool = False
    """Its last reader may have died of it: it is tried alone."""

    @property
    def place(self) -> tuple[str, bytes]:
        return self.stream, self.entry_id


class FairQueue:
    """Entries waiting in one line per tenant, taken in turns."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[Entry]] = {}
        self._turns: deque[str] = deque()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def push(self, entry: Entry) -> None:
        """Add an entry at the end of its tenant's line."""
        line = self._lines.get(entry.tenant)
        if line is None:
            line = self._lines[entry.tenant] = deque()
            self._turns.append(entry.tenant)
        line.append(entry)
        self._length += 1

    def take(self, most: int) -> list[Entry]:
        """Take up to `most` entries, one of each tenant in turn, of no tenant more than its share.

        The share is an even part of the batch, but at least four, so that a batch is worth its transaction.
        """
        share = max(LEAST_SHARE, most // max(1, len(self._turns)))
        taken: list[Entry] = []
        counts: dict[str, int] = {}
        served: list[str] = []
        while self._turns and len(taken) < most:
            tenant = self._turns.popleft()
            line = self._lines[tenant]
            taken.append(line.popleft())
            counts[tenant] = counts.get(tenant, 0) + 1
            if not line:
                del self._lines[tenant]
            elif counts[tenant] >= share:
                served.append(tenant)
            else:
                self._turns.append(tenant)
        self._turns.extend(served)
        self._length -= len(taken)
        return taken

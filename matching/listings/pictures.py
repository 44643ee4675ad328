"""What an uploaded or fetched photo must be: told by its first bytes, never by its name."""

from __future__ import annotations

from leads.errors import DomainError

MAX_BYTES = 8 * 1024 * 1024
KINDS = "JPEG, PNG or WebP"


class PictureRefused(DomainError):
    """A file that is no picture we show."""


def picture_type(content: bytes) -> str:
    """Return the content type of a picture, or refuse what is none, is too large or is cut short."""
    if not content:
        raise PictureRefused(f"The file is empty. Choose a {KINDS} picture.", "photo")
    if len(content) > MAX_BYTES:
        size = MAX_BYTES // 1024 // 1024
        raise PictureRefused(f"The picture is larger than {size} MB. Make it smaller.", "photo")
    if content[:3] == b"\xff\xd8\xff" and b"\xff\xd9" in content:
        return "image/jpeg"
    if content[:8] == b"\x89PNG\r\n\x1a\n" and content[12:16] == b"IHDR" and b"IEND" in content:
        return "image/png"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        if int.from_bytes(content[4:8], "little") + 8 <= len(content) + 1:
            return "image/webp"
        raise PictureRefused("The picture is cut short. Upload it again.", "photo")
    if content[:3] == b"\xff\xd8\xff" or content[:8] == b"\x89PNG\r\n\x1a\n":
        raise PictureRefused("The picture is cut short. Upload it again.", "photo")
    raise PictureRefused(f"This is no {KINDS} picture.", "photo")

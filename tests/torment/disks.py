"""An ext4 file system in a file, behind a loop device: its power can be cut, and it fills up, stalls and fails."""

from __future__ import annotations

import array
import fcntl
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

_MIB = 1024 * 1024
# linux/fs/ext4/ext4.h: EXT4_IOC_SHUTDOWN is _IOR('X', 125, __u32); the flag drops the journal's log unwritten.
_EXT4_IOC_SHUTDOWN = 0x8004587D
_NO_LOG_FLUSH = 2
# linux/include/uapi/linux/fs.h: FIFREEZE is _IOWR('X', 119, int), FITHAW _IOWR('X', 120, int).
_FIFREEZE = 0xC0045877
_FITHAW = 0xC0045878


class DiskUnavailable(Exception):
    """There can be no such disk here; says why, for a person."""


class LoopDisk:
    """A disk of a few MiB; use as a context manager, everything ends with it.

    Attributes:
        image: The file that stands for the device.
        root: Where it is mounted.
    """

    def __init__(self, image: Path, root: Path, *, size_mib: int = 64) -> None:
        self.image = image
        self.root = root
        self._size_mib = size_mib

    def __enter__(self) -> LoopDisk:
        """Make the file system and mount it.

        Raises:
            DiskUnavailable: Not on this machine.
        """
        _check_machine()
        with self.image.open("wb") as image:
            image.truncate(self._size_mib * _MIB)
        self.root.mkdir(parents=True, exist_ok=True)
        # No reserve for root and nothing left for later: what is full is full, and nobody writes but the test.
        _run("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(self.image))
        try:
            self.mount()
        except subprocess.CalledProcessError as error:
            raise DiskUnavailable(f"a loop device can't be mounted here: {error.stderr.strip()}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.root.is_mount():
            self.unmount()

    def mount(self) -> None:
        """Mount it; what ext4's journal holds is replayed. An error that ext4 finds makes it read-only, as on a box."""
        _run("mount", "-o", "loop,errors=remount-ro", str(self.image), str(self.root))

    def unmount(self) -> None:
        """Unmount it; nobody has a file open on it."""
        _run("umount", str(self.root))

    def remount(self, mode: str) -> None:
        """Make it read-only ("ro") or writable again ("rw"); nobody has a file open on it for writing."""
        _run("mount", "-o", f"remount,{mode}", str(self.root))

    def repair(self) -> None:
        """What a boot does before it mounts a disk that had errors."""
        # e2fsck(8): 1 means that errors were corrected.
        _run("e2fsck", "-f", "-p", str(self.image), accept=(0, 1))

    def cut_power_under(self, pid: int) -> None:
        """Stop a child process, and let nothing reach the device from then on: what wasn't synced is lost.

        It must stand still first: ext4 tells a sync that is under way while it is shut down that it succeeded (seen in
        three of eighty cuts under a bare loop of pwrite and fdatasync beside others), which no power cut does.
        """
        os.kill(pid, signal.SIGSTOP)
        # Until the last thread stands still: one within a sync ends that first.
        os.waitpid(pid, os.WUNTRACED)
        with _opened(self.root) as folder:
            fcntl.ioctl(folder, _EXT4_IOC_SHUTDOWN, array.array("I", [_NO_LOG_FLUSH]))

    def fail(self) -> None:
        """Have ext4 meet an error, as with a worn card: it turns read-only under whoever has files open."""
        device = _run("findmnt", "--noheadings", "--output", "SOURCE", str(self.root)).strip()
        (Path("/sys/fs/ext4") / Path(device).name / "trigger_fs_error").write_text("worn out\n")

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """Let every write wait meanwhile, as a card does that tidies up."""
        with _opened(self.root) as folder:
            fcntl.ioctl(folder, _FIFREEZE, 0)
            try:
                yield
            finally:
                fcntl.ioctl(folder, _FITHAW, 0)

    def fill(self) -> Path:
        """Take all the room that is left; the file to remove for it to come back."""
        ballast = self.root / "ballast"
        with ballast.open("ab", buffering=0) as file:
            for chunk_bytes in (_MIB, 4096, 1):
                try:
                    while True:
                        file.write(bytes(chunk_bytes))
                except OSError:
                    continue
        return ballast


def _check_machine() -> None:
    if os.geteuid() != 0:
        raise DiskUnavailable("mounting a disk needs root: run this as root")
    if not Path("/dev/loop-control").exists():
        raise DiskUnavailable("this kernel has no loop devices")
    if shutil.which("mkfs.ext4", path=_path()) is None:
        raise DiskUnavailable("mkfs.ext4 is not installed: apt install e2fsprogs")


def _path() -> str:
    # Debian puts these outside a user's PATH.
    return f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


def _run(*command: str, accept: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PATH": _path()},
        check=False,
    )
    if done.returncode not in accept:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
    return done.stdout


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)

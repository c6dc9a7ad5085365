"""A virtual machine that is killed outright while a journal is written in it.

It runs Debian's kernel on this machine's own files, read-only, and writes to one disk: an image that doesn't know of
what the guest never flushed. New clusters of a qcow2 file are found through tables that QEMU keeps in memory until a
flush, so that killing it loses them, as a card's volatile cache does.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.torment.disks import LoopDisk

IN_GUEST = "/mnt"
"""Where the disk is, for what runs there."""
_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
_MODULES = ("virtio_pci", "virtio_blk", "virtio_console", "crc32c_generic", "ext4", "9pnet_virtio", "9p")
_PACKAGES = "apt install qemu-system-x86 qemu-utils linux-image-amd64 busybox-static"
_MEMORY_MIB = 512
_INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
for module in $(cat /modules/order); do insmod "/modules/$module"; done
mount -t 9p -o ro,trans=virtio,version=9p2000.L,cache=loose,msize=262144 host /host
mount -t devtmpfs dev /host/dev
mount -t proc proc /host/proc
mount -t ext4 /dev/vda /host{disk}
echo mounted
cd /host
exec chroot /host /bin/sh -c {command}
"""


class GuestUnavailable(Exception):
    """There can be no virtual machine here; says why, for a person."""


class Guest:
    """Debian's kernel, and a command to run beside a disk of its own.

    Attributes:
        log: What the kernel and the command's errors said.
    """

    def __init__(self, folder: Path, disk: LoopDisk) -> None:
        """Set up, without starting.

        Args:
            folder: For what only the guest needs; on a real file system.
            disk: Unmounted while the guest runs.

        Raises:
            GuestUnavailable: Not on this machine.
        """
        if platform.machine() != "x86_64":
            raise GuestUnavailable("the virtual machine is for x86-64 only")
        self._qemu, self._qemu_img, self._busybox = (
            _program(name) for name in ("qemu-system-x86_64", "qemu-img", "busybox")
        )
        self._release = _release()
        self._folder = folder
        self._disk = disk
        self.log = folder / "console.log"

    def start(self, command: Sequence[str], *, cwd: Path) -> subprocess.Popen[str]:
        """Boot, and run a command whose standard output is the process's."""
        overlay = self._folder / "overlay.qcow2"
        _run(self._qemu_img, "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(self._disk.image), str(overlay))
        return subprocess.Popen(
            [
                *(
                    self._qemu,
                    "-accel",
                    "tcg",
                    "-cpu",
                    "max",
                    "-m",
                    str(_MEMORY_MIB),
                    "-nodefaults",
                    "-display",
                    "none",
                ),
                *(
                    "-no-reboot",
                    "-kernel",
                    f"/boot/vmlinuz-{self._release}",
                    "-initrd",
                    str(self._initramfs(command, cwd)),
                ),
                *("-append", "console=ttyS0 loglevel=4 panic=-1", "-serial", f"file:{self.log}"),
                *("-drive", f"file={overlay},format=qcow2,if=virtio,cache=none"),
                *("-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap"),
                *("-chardev", "stdio,id=told", "-device", "virtio-serial", "-device", "virtserialport,chardev=told"),
            ],
            # The channel is open for as long as its input is.
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def keep(self) -> None:
        """After its death: what its disk holds becomes the image."""
        overlay, whole = self._folder / "overlay.qcow2", self._folder / "whole"
        _run(self._qemu_img, "convert", "-q", "-O", "raw", str(overlay), str(whole))
        whole.replace(self._disk.image)

    def _initramfs(self, command: Sequence[str], cwd: Path) -> Path:
        # The channel's name depends on what else is plugged in.
        inside = f"cd {shlex.quote(str(cwd))}; for told in /dev/vport*; do exec {shlex.join(command)} > $told; done"
        init = _INIT.format(disk=IN_GUEST, command=shlex.quote(inside))
        modules = list(modules_in_order(Path("/lib/modules") / self._release, _MODULES))
        files: dict[str, bytes] = {
            "init": init.encode(),
            "bin/busybox": Path(self._busybox).read_bytes(),
            "modules/order": "\n".join(module.name for module in modules).encode(),
        }
        files |= {f"modules/{module.name}": module.read_bytes() for module in modules}
        target = self._folder / "initramfs"
        target.write_bytes(newc_archive(("bin", "dev", "host", "modules"), files))
        return target


def python_in_guest(module: str, *arguments: str) -> list[str]:
    """A command for the guest: it sees this machine's own files."""
    return ["env", "PYTHONDONTWRITEBYTECODE=1", f"TMPDIR={IN_GUEST}", sys.executable, "-m", module, *arguments]


def _program(name: str) -> str:
    found = shutil.which(name, path=_PATH)
    if found is None:
        raise GuestUnavailable(f"{name} is not installed: {_PACKAGES}")
    return found


def _release() -> str:
    releases = [path.name.partition("-")[2] for path in Path("/boot").glob("vmlinuz-*")]
    usable = [release for release in releases if (Path("/lib/modules") / release / "modules.dep").exists()]
    if not usable:
        raise GuestUnavailable(f"no kernel with its modules is in /boot: {_PACKAGES}")
    return max(usable)


def modules_in_order(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    """The modules' files in the order to load them."""
    needed: dict[str, list[str]] = {}
    for line in (folder / "modules.dep").read_text(encoding="ascii").splitlines():
        path, _, dependencies = line.partition(":")
        needed[path] = dependencies.split()
    by_name = {Path(path).name.partition(".")[0].replace("-", "_"): path for path in needed}
    seen: set[str] = set()
    for name in names:
        if name not in by_name:
            continue  # built into the kernel
        # modules.dep(5) lists all that a module needs, the nearest first.
        for path in [*reversed(needed[by_name[name]]), by_name[name]]:
            if path not in seen:
                seen.add(path)
                yield folder / path


def newc_archive(folders: Sequence[str], files: dict[str, bytes]) -> bytes:
    """A cpio archive of the "newc" format, as the kernel unpacks it (Documentation/driver-api/early-userspace)."""
    entries = [(name, 0o040755, b"") for name in folders]
    entries += [(name, 0o100755, data) for name, data in files.items()]
    entries.append(("TRAILER!!!", 0, b""))
    archive = bytearray()
    for number, (name, mode, data) in enumerate(entries, start=1):
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        archive += b"070701" + b"".join(b"%08X" % value for value in fields) + name.encode() + b"\0"
        archive += bytes(-len(archive) % 4) + data
        archive += bytes(-len(archive) % 4)
    return bytes(archive)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)

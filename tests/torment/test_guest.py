"""What the virtual machine of `make power-test` starts from; that one runs it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.torment.guest import modules_in_order, newc_archive

DEPENDENCIES = """\
kernel/fs/ext4/ext4.ko: kernel/fs/jbd2/jbd2.ko kernel/lib/crc16.ko
kernel/fs/jbd2/jbd2.ko:
kernel/lib/crc16.ko:
kernel/net/9p/9pnet-virtio.ko: kernel/net/9p/9pnet.ko
kernel/net/9p/9pnet.ko:
"""


def test_modules_come_after_what_they_need_and_built_in_ones_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "modules.dep").write_text(DEPENDENCIES)

    found = modules_in_order(tmp_path, ("ext4", "built_in", "9pnet_virtio", "jbd2"))

    assert [path.name for path in found] == ["crc16.ko", "jbd2.ko", "ext4.ko", "9pnet.ko", "9pnet-virtio.ko"]


def test_the_first_files_are_an_archive_that_others_can_read(tmp_path: Path) -> None:
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("busybox is not installed: apt install busybox-static")
    archive = newc_archive(("bin",), {"init": b"first\n", "bin/tool": b"12345"})

    subprocess.run([busybox, "cpio", "-i"], input=archive, cwd=tmp_path, check=True, capture_output=True)

    assert (tmp_path / "init").read_bytes() == b"first\n"
    assert (tmp_path / "bin" / "tool").read_bytes() == b"12345"

#!/bin/sh
# Install what the power test's virtual machine needs, where one may; without it the test says so and does the rest.
set -u

for program in qemu-system-x86_64 qemu-img busybox; do
    command -v "$program" >/dev/null || missing=yes
done
ls /boot/vmlinuz-* >/dev/null 2>&1 || missing=yes
[ -n "${missing:-}" ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || exit 0

apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    qemu-system-x86 qemu-utils linux-image-amd64 busybox-static >/dev/null ||
    echo "power-test: apt could not install the virtual machine; see its message above" >&2

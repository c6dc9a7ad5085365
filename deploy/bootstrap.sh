#!/bin/sh
# Find the system packages Comptoir needs and install the missing ones.
#
# Usage: deploy/bootstrap.sh [python]
# Exits 0 when nothing is missing any more, 1 when installing failed, 2 when a person must act (the message says how).
# Mosquitto is not installed here: the demo and the tests start a broker from the Python packages when it is absent.
set -eu

python="${1:-python3}"

say() { echo "comptoir: $*" >&2; }

missing_packages() {
    command -v "$python" >/dev/null 2>&1 || { echo python3 python3-venv libzbar0; return; }
    # One interpreter start for all questions: make calls this often. Debian ships `venv` without the `ensurepip` it
    # needs, and pyzbar loads libzbar only when it is first imported.
    "$python" - <<'PROBE'
import ctypes
import importlib.util
missing = [] if importlib.util.find_spec("ensurepip") else ["python3-venv"]
try:
    ctypes.CDLL("libzbar.so.0")
except OSError:
    missing.append("libzbar0")
print(*missing)
PROBE
}

require_python_3_11() {
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' && return
    say "needs Python 3.11 or newer, but '$python' is $("$python" -V 2>&1); name another with: make PYTHON=python3.11"
    exit 2
}

install_packages() {
    if [ "$(id -u)" -eq 0 ]; then
        as_root=""
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        as_root="sudo -n"
    else
        say "missing $*; as root, run: apt-get update && apt-get install -y --no-install-recommends $*"
        exit 2
    fi
    say "installing $*"
    # shellcheck disable=SC2086 # as_root is empty or two words
    $as_root apt-get update -qq &&
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null || {
        say "apt could not install $*; see its message above"
        exit 1
    }
}

if command -v "$python" >/dev/null 2>&1; then
    require_python_3_11
fi
missing="$(missing_packages)"
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    say "missing $missing (names of Debian packages), and there is no apt-get here: install what provides them"
    exit 2
fi
# shellcheck disable=SC2086 # a list of package names
install_packages $missing
require_python_3_11

missing="$(missing_packages)"
[ -z "$missing" ] || {
    say "'$python' still lacks $missing after installing; use Debian's own Python with: make PYTHON=/usr/bin/python3"
    exit 2
}

#!/bin/sh
# Find the system packages Comptoir needs and install the missing ones.
#
# Usage: deploy/bootstrap.sh [python]
# Exits 0 when nothing is missing any more, 1 when installing failed, 2 when a person must act (the message says how).
# A browser and PostgreSQL are wished for: the demo takes screenshots and the tests try both where they are there. Mosquitto
# is not installed here: the demo and the tests start a broker from the Python packages when it is absent.
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

wished_packages() {
    command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || echo chromium
    # The server itself is outside everybody's PATH.
    command -v pg_lsclusters >/dev/null 2>&1 || echo postgresql
}

require_python_3_11() {
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' && return
    say "needs Python 3.11 or newer, but '$python' is $("$python" -V 2>&1); name another with: make PYTHON=python3.11"
    exit 2
}

may_install() {
    if [ "$(id -u)" -eq 0 ]; then
        as_root=""
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        as_root="sudo -n"
    else
        return 1
    fi
    command -v apt-get >/dev/null 2>&1
}

install_packages() {
    may_install || {
        say "missing $*; as root, run: apt-get update && apt-get install -y --no-install-recommends $*"
        exit 2
    }
    say "installing $*"
    # shellcheck disable=SC2086 # as_root is empty or two words
    $as_root apt-get update -qq &&
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null || {
        say "apt could not install $*; see its message above"
        return 1
    }
}

install_wished() {
    # One by one: a wish that can't be had keeps no other from being had.
    for wish in $(wished_packages); do
        if ! may_install || ! install_packages "$wish"; then
            say "goes on without $wish: what needs it is left out, and says so"
        fi
    done
}

if command -v "$python" >/dev/null 2>&1; then
    require_python_3_11
fi
missing="$(missing_packages)"
if [ -z "$missing" ]; then
    install_wished
    exit 0
fi

if ! command -v apt-get >/dev/null 2>&1; then
    say "missing $missing (names of Debian packages), and there is no apt-get here: install what provides them"
    exit 2
fi
# shellcheck disable=SC2086 # a list of package names
install_packages $missing || exit 1
require_python_3_11

missing="$(missing_packages)"
[ -z "$missing" ] || {
    say "'$python' still lacks $missing after installing; use Debian's own Python with: make PYTHON=/usr/bin/python3"
    exit 2
}
install_wished

#!/bin/sh
# What the tests need from the system: a real PostgreSQL, a real browser, a real virus scanner, Node for a real OpenID provider, and
# what tells sorts of files.  As root on Debian it installs what is missing; elsewhere it names it and goes on, and the tests that need
# it are skipped with that sentence (with CI=true they fail).
set -eu

PACKAGES="ca-certificates chromium clamav-daemon fonts-dejavu-core libatomic1 libmagic1 postgresql"

missing=""
for package in $PACKAGES; do
    if ! dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "install ok installed"; then
        missing="$missing $package"
    fi
done
# Whoever has Node from elsewhere keeps it: Debian's npm would not go beside it.
command -v node >/dev/null && command -v npm >/dev/null || missing="$missing nodejs npm"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing from Debian:$missing"
    mkdir -p /etc/postgresql-common
    # Debian would make and start a server of its own on port 5432; the tests start theirs on a socket.
    [ -e /etc/postgresql-common/createcluster.conf ] || echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf
    apt-get update -qq
    # shellcheck disable=SC2086  # one word each
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>/tmp/redress-apt.log || {
        cat /tmp/redress-apt.log >&2
        exit 1
    }
else
    echo "Not here, and not installed because you are not root on Debian:$missing"
    echo "On Debian: sudo apt-get install --no-install-recommends$missing"
fi

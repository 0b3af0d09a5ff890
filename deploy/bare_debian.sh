#!/bin/sh
# Tries the two commands on a machine that has never seen the project: a minimal Debian 12 in FOLDER, the one apt line that the
# README names, and then `make test`, `make demo` or another target.  Needs root and debootstrap.
#
#   deploy/bare_debian.sh FOLDER test     the whole suite, with CI=true
#   deploy/bare_debian.sh FOLDER demo     starts the demo hospital, asks for two pages and stops it
#   deploy/bare_debian.sh FOLDER check    any other target of the Makefile
#
# How this machine reaches Debian's and Python's packages (sources, certificates, pip's settings) is copied in for the run; nothing
# of it is kept here.  Nothing but /proc is shared with the machine, and FOLDER stays afterwards for a second, quicker run.
set -eu

[ $# -ge 1 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2; }
FOLDER=$1
TARGET=${2:-test}
HERE=$(cd "$(dirname "$0")/.." && pwd)
SRV="$FOLDER/srv/redress"

line() { sed -n 's/^ *\(apt-get install .*make.*python3-venv.*git\).*/\1/p' "$HERE/README.md" 2>/dev/null | head -n 1; }
APT_LINE=$(line)
[ -n "$APT_LINE" ] || APT_LINE="apt-get install -y make python3-venv git"

if [ ! -e "$FOLDER/etc/debian_version" ]; then
    mirror=$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p; s/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\).*/\2/p' \
        /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null | head -n 1)
    debootstrap --variant=minbase bookworm "$FOLDER" ${mirror:+"$mirror"}
fi

# --- how this machine reaches packages ---
copy_in() { [ ! -e "$1" ] || { mkdir -p "$FOLDER$(dirname "$1")" && cp -aL "$1" "$FOLDER$(dirname "$1")/"; }; }
for place in /etc/apt/sources.list.d/debian.sources /etc/apt/apt.conf.d /etc/apt/auth.conf.d /etc/apt/trusted.gpg.d \
    /usr/share/keyrings/debian-archive-keyring.gpg /etc/resolv.conf /etc/pip.conf /etc/xdg/pip; do
    copy_in "$place"
done
[ ! -e /etc/apt/sources.list.d/debian.sources ] || : > "$FOLDER/etc/apt/sources.list"
rm -f "$FOLDER/etc/apt/apt.conf.d/20packagekit" "$FOLDER/etc/apt/apt.conf.d/50appstream"
mkdir -p "$FOLDER/etc/ssl/certs" "$FOLDER/etc/apt/apt.conf.d"
cp -L /etc/ssl/certs/ca-certificates.crt "$FOLDER/etc/ssl/certs/of-the-host.crt" 2>/dev/null || true
# pip's settings name the certificates where this machine keeps them; inside they lie beside the system's own
for settings in "$FOLDER/etc/pip.conf" "$FOLDER/etc/xdg/pip/pip.conf"; do
    [ ! -f "$settings" ] || sed -i 's|^ *cert *=.*|cert = /etc/ssl/certs/of-the-host.crt|' "$settings"
done
# -i keeps our own environment out: only the ways to the packages come along
given=$(env | sed -n 's/^\(PIP_INDEX_URL\|PIP_DEFAULT_TIMEOUT\|PIP_TRUSTED_HOST\|http_proxy\|https_proxy\|no_proxy\)=.*/&/p')

# --- the checkout, and the cases with answers where they are ---
rm -rf "$SRV"
git clone --quiet --no-hardlinks "$HERE" "$SRV"
git -C "$SRV" checkout --quiet --detach "$(git -C "$HERE" rev-parse HEAD)"
if [ -d "$HERE/../shared" ] && [ ! -d "$FOLDER/srv/shared" ]; then
    cp -rL "$HERE/../shared" "$FOLDER/srv/shared"
fi

mountpoint -q "$FOLDER/proc" || mount -t proc proc "$FOLDER/proc"
trap 'umount "$FOLDER/proc" 2>/dev/null || true' EXIT INT TERM

inside() {
    # shellcheck disable=SC2086  # one setting a word
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        PIP_CERT=/etc/ssl/certs/of-the-host.crt $given chroot "$FOLDER" /bin/sh -c "$1"
}

echo "== the one line: $APT_LINE"
inside "apt-get update -qq && $APT_LINE >/dev/null"
inside "git config --global --add safe.directory /srv/redress"

if [ "$TARGET" != demo ]; then
    inside "cd /srv/redress && CI=true make $TARGET"
    exit
fi

echo "== make demo, first run"
inside "cd /srv/redress && PORT=5055 make demo" > "$FOLDER/tmp/demo.log" 2>&1 &
demo=$!
answer=""
for _ in $(seq 300); do
    answer=$(inside "python3 -c \"import urllib.request as u; print(u.urlopen('http://127.0.0.1:5055/readyz').read().decode())\" 2>/dev/null") && break
    kill -0 $demo 2>/dev/null || break
    sleep 1
done
cat "$FOLDER/tmp/demo.log"
echo "== /readyz: ${answer:-no answer}"
inside "python3 -c \"import urllib.request as u; print('/sign-in', u.urlopen('http://127.0.0.1:5055/sign-in').status)\"" || answer=""
kill $demo 2>/dev/null || true
for process in /proc/[0-9]*; do  # what still runs inside FOLDER, and nothing else
    [ "$(readlink "$process/root" 2>/dev/null)" != "$(realpath "$FOLDER")" ] || kill "${process#/proc/}" 2>/dev/null || true
done
sleep 2
[ -n "$answer" ]

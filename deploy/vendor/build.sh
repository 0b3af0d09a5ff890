#!/bin/sh
# Rebuilds static/vendor and tests/vendor from the packages named in vendor.lock. Needs node, npm and a package mirror; run by `make vendor`.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cd "$work"
grep -v '^#' "$here/vendor.lock" | while read -r name version sha256; do
    tarball=$(npm pack --silent "$name@$version")
    echo "$sha256  $tarball" | sha256sum --check --quiet -
    mkdir -p "packages/$name"
    tar -xzf "$tarball" -C "packages/$name" --strip-components=1
done
cp "$here/package.json" "$here/package-lock.json" .
npm ci --silent --no-audit --no-fund --ignore-scripts

out="$root/static/vendor"
mkdir -p "$out" "$root/tests/vendor"
# Expanded first: Bootstrap's right-to-left hints are comments, which the compressed style would drop.
npx sass --quiet --no-charset --no-source-map --load-path=packages/bootstrap/scss "$here/theme.scss" bootstrap.css
npx rtlcss bootstrap.css bootstrap.rtl.css >/dev/null 2>&1
for sheet in bootstrap bootstrap.rtl; do
    { printf '/*! Bootstrap 5.3, the part Redress uses; MIT licence, see bootstrap.LICENSE */\n'; npx sass --no-charset --no-source-map --style=compressed "$sheet.css"; } > "$out/$sheet.css"
done
cp packages/bootstrap/LICENSE "$out/bootstrap.LICENSE"
node "$here/sprite.mjs" packages/bootstrap-icons/icons "$here/icons.txt" > "$out/icons.svg"
cp packages/bootstrap-icons/LICENSE "$out/icons.LICENSE"
cp packages/axe-core/axe.min.js "$root/tests/vendor/axe.min.js"
cat packages/axe-core/LICENSE packages/axe-core/LICENSE-3RD-PARTY.txt > "$root/tests/vendor/axe.LICENSE"
wc -c "$out"/* "$root"/tests/vendor/*

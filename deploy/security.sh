#!/bin/sh
# make security: what looks at the program for known kinds of holes.  Every finding is put right or explained where it stands (# nosec
# with its reason); this fails on any that is neither.  What could not run says so in words, and is no pass.
set -u
cd "$(dirname "$0")/.."
failed=0
unable=""

echo "== bandit: the program's own code"
.venv/bin/bandit -q -r ticketing config.py wsgi.py migrations -s B101,B105 || failed=1
# B101: asserts state what the type checker is told, never a check that safety rests on.  B105: words such as "password" as names of acts
# and fields; real secrets are looked for by tests/architecture/test_secrets.py.

echo "== semgrep: our own rules (deploy/semgrep.yml), nothing fetched"
if [ ! -x build/semgrep/bin/semgrep ]; then
    # In an environment of its own: it pins an older click than the program uses.
    python3 -m venv build/semgrep && build/semgrep/bin/pip install --quiet --disable-pip-version-check "semgrep>=1.180,<2" || rm -rf build/semgrep
fi
if [ -x build/semgrep/bin/semgrep ]; then
    build/semgrep/bin/semgrep scan --quiet --error --metrics=off --disable-version-check --config deploy/semgrep.yml ticketing templates config.py wsgi.py \
        || failed=1
else
    unable="$unable semgrep(could not be installed)"
fi

echo "== known holes in what is depended on"
if [ ! -x build/audit/bin/pip-audit ]; then
    python3 -m venv build/audit && build/audit/bin/pip install --quiet --disable-pip-version-check "pip-audit>=2.9,<3" || rm -rf build/audit
fi
if [ -x build/audit/bin/pip-audit ]; then
    # It answers 0 also where it could look nothing up; so its words are read, and silence about a package is not taken for safety.
    build/audit/bin/pip-audit --requirement requirements.txt --no-deps --disable-pip --progress-spinner off > build/audit.txt 2>&1
    answer=$?
    if grep -qi "could not be audited\|ConnectionError\|Max retries\|ServiceError\|Failed to resolve\|unavailable\|Traceback" build/audit.txt; then
        unable="$unable pip-audit(no vulnerability database within reach: run it where there is internet)"
    elif [ "$answer" != 0 ]; then
        cat build/audit.txt; failed=1
    fi
else
    unable="$unable pip-audit(could not be installed)"
fi

echo "== what is thrown at parsers, forms and files; secrets in the tree; the table of requirements"
.venv/bin/pytest -q -p no:cacheprovider tests/architecture/test_secrets.py tests/architecture/test_security.py tests/core/test_files.py \
    tests/core/test_exports.py tests/faults/test_eleven_faults.py || failed=1

if [ -d ticketing/api ]; then
    if [ -x .venv/bin/schemathesis ]; then .venv/bin/pytest -q tests/api -k schemathesis || failed=1
    else unable="$unable schemathesis(not installed)"; fi
else
    unable="$unable schemathesis(there is no API yet)"
fi

[ -z "$unable" ] || echo "NOT RUN, so nothing is said about it:$unable"
[ "$failed" = 0 ] && echo "No finding is left unexplained." || echo "There are findings: see above."
exit "$failed"

#!/usr/bin/env bash
# Install syncd, as it lies in the action's folder, with its locked packages into $RUNNER_TEMP/syncd; once per job.
# Nothing of the repository is run: Python is isolated (-I) and works in our own folder. Nothing here sees a secret: the
# job's environment is left behind but for what is named.
set -euo pipefail
if [[ ${1-} != clean ]]; then
    kept=()
    for name in PATH HOME LANG TMPDIR LD_LIBRARY_PATH RUNNER_TEMP GITHUB_ACTION_PATH SSL_CERT_FILE SSL_CERT_DIR \
        HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy PIP_INDEX_URL PIP_CERT; do
        [[ -z ${!name-} ]] || kept+=("$name=${!name}")
    done
    found=$(command -v -- "$SYNCD_ACTION_PYTHON") || found=$SYNCD_ACTION_PYTHON
    [[ $found != */* || $found == /* ]] || found=$PWD/$found
    exec env -i "${kept[@]}" SYNCD_ACTION_PYTHON="$found" bash --noprofile --norc "${BASH_SOURCE[0]}" clean
fi

[[ ! -x $RUNNER_TEMP/syncd/bin/syncd ]] || [[ $(<"$RUNNER_TEMP/syncd/from") != "$GITHUB_ACTION_PATH" ]] || exit 0
rm -rf "${RUNNER_TEMP:?}/syncd"
mkdir -p "$RUNNER_TEMP/syncd"
cd "$RUNNER_TEMP/syncd"
"$SYNCD_ACTION_PYTHON" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "::error::syncd needs Python 3.11 or newer; set the input python, or use actions/setup-python before"
    exit 64
}
"$SYNCD_ACTION_PYTHON" -I -m venv "$RUNNER_TEMP/syncd"
python=$RUNNER_TEMP/syncd/bin/python
"$python" -I -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes \
    -r "$GITHUB_ACTION_PATH/requirements.lock"
# Run from where it lies: a build would download build tools.
packages=$("$python" -I -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
printf '%s\n' "$GITHUB_ACTION_PATH" >"$packages/syncd.pth"
printf '%s\n' "$GITHUB_ACTION_PATH" >from
printf '#!/bin/sh\nexec "%s" -I -m syncd "$@"\n' "$python" >bin/syncd
chmod +x bin/syncd

#!/usr/bin/env bash
# Install syncd, as it lies in the action's folder, with its locked packages into $RUNNER_TEMP/syncd; once per job.
set -euo pipefail
[[ ! -x $RUNNER_TEMP/syncd/bin/syncd ]] || exit 0
"$SYNCD_ACTION_PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "::error::syncd needs Python 3.11 or newer; set the input python, or use actions/setup-python before"
    exit 64
}
"$SYNCD_ACTION_PYTHON" -m venv "$RUNNER_TEMP/syncd"
python=$RUNNER_TEMP/syncd/bin/python
"$python" -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes \
    -r "$GITHUB_ACTION_PATH/requirements.lock"
# Run from where it lies: a build would download build tools.
packages=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
printf '%s\n' "$GITHUB_ACTION_PATH" >"$packages/syncd.pth"
printf '#!/bin/sh\nexec "%s" -P -m syncd "$@"\n' "$python" >"$RUNNER_TEMP/syncd/bin/syncd"
chmod +x "$RUNNER_TEMP/syncd/bin/syncd"

#!/bin/sh
# Take out of the environment $1 what syncd never reads, and compile the rest: the file system is read-only at run time.
# tests/deploy/test_image.py pushes to a Workers KV API from inside the image, so what is taken too much is found.
set -eu
root=$1
packages=$("$root/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')

# Of the cloudflare SDK syncd uses the client alone: no resource, and of the types those that the client imports itself.
rm -rf "$packages/cloudflare/resources"
find "$packages/cloudflare/types" -mindepth 1 -maxdepth 1 -type d ! -name shared -exec rm -rf {} +

# The installers too; Python 3.11 brings setuptools with pip.
"$root/bin/pip" uninstall --quiet --yes setuptools pip
find "$root" -name __pycache__ -type d -prune -exec rm -rf {} +
"$root/bin/python" -m compileall -q --invalidation-mode unchecked-hash "$packages"

#!/usr/bin/env bash
# Mask the values of the variables named in SYNCD_ACTION_MASK. A mask is one line, so a value of many lines needs many.
set -euo pipefail
for name in $SYNCD_ACTION_MASK; do
    [[ $name =~ ^[A-Za-z_][A-Za-z0-9_]*$ ]] || { echo "::error::mask: '$name' is no name of a variable"; exit 64; }
    while IFS= read -r line || [[ -n $line ]]; do
        line=${line%$'\r'}
        [[ -z ${line//[[:space:]]/} ]] || printf '::add-mask::%s\n' "${line//'%'/%25}"
    done <<<"${!name:-}"
done

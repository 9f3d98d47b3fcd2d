#!/usr/bin/env bash
# Mask the values of the variables named in SYNCD_ACTION_MASK. A mask is one line, so a value of many lines needs many.
set -euo pipefail
set -f      # a name is a word, never a pattern for files
for name in $SYNCD_ACTION_MASK; do
    [[ $name =~ ^[A-Za-z_][A-Za-z0-9_]*$ ]] || { echo "::error::mask: '$name' is no name of a variable"; exit 64; }
    while IFS= read -r line || [[ -n $line ]]; do
        line=${line%$'\r'}
        # A line such as `{` of a key in JSON hides nothing, and as a mask it would blot out the whole log.
        bare=${line//[^[:alnum:]]/}
        [[ ${#bare} -lt 3 && ${!name-} == *$'\n'* || -z ${line//[[:space:]]/} ]] || printf '::add-mask::%s\n' "${line//'%'/%25}"
    done <<<"${!name:-}"
done

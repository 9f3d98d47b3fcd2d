#!/bin/sh
# Put the keys of FILE into Consul that are not there yet: seed.sh FILE. One `key value` a line.
set -eu
while read -r key value; do
    case $key in '' | '#'*) continue ;; esac
    found=$(consul kv get -keys "$key")    # ends the job where Consul does not answer: a key is never overwritten for that
    if printf '%s\n' "$found" | grep -Fqx "$key"; then
        echo "kept: $key"
    else
        consul kv put "$key" "$value"
    fi
done <"$1"

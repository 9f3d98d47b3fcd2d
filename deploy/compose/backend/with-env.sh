#!/bin/sh
# Run a program with the variables of FILE, and start it anew whenever FILE changes: with-env.sh FILE PROGRAM [WORD]...
# FILE is of dialect `shell`. Until it exists nothing is started. The program's own end ends this one, with its exit code.
file=$1 child=''
shift
trap '[ -z "$child" ] || kill -TERM "$child"; wait; exit 0' TERM INT

look() { [ -r "$file" ] && cksum <"$file"; }

while :; do
    until seen=$(look); do sleep 0.2 & wait $!; done
    # A subshell: variables that went from FILE are gone in the new program.
    # shellcheck disable=SC1090  # which file it is, the caller says
    (set -a && . "$file" && set +a && exec "$@") &
    child=$!
    while [ "$(look)" = "$seen" ] || [ ! -e "$file" ]; do
        kill -0 "$child" 2>/dev/null || { wait "$child"; exit $?; }
        sleep 0.5 &
        wait $!
    done
    echo "with-env: $file changed, starting $1 anew"
    kill -TERM "$child" && wait "$child"
done

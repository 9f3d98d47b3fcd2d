#!/bin/sh
# Run a program with the variables of FILE, and start it anew whenever FILE changes: with-env.sh FILE PROGRAM [WORD]...
# FILE is of dialect `shell`. Until it exists nothing is started. The program's own end ends this one, with its exit code.
# A program that does not end within 8 s of SIGTERM gets SIGKILL: Docker waits for 10, and a new value must arrive.
file=$1 child=''
shift
trap '[ -z "$child" ] || end; exit 0' TERM INT

end() {
    kill -TERM "$child" 2>/dev/null
    (sleep "${WITH_ENV_GRACE_S:-8}"; kill -KILL "$child" 2>/dev/null) &
    late=$!
    wait "$child"
    kill "$late" 2>/dev/null
}

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
    end
done

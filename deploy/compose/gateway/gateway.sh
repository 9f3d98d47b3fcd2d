#!/bin/sh
# nginx that looks after its own files: copies what syncd wrote, tests the copy, switches to it, reloads, says what came of it.
# The running nginx never reads the folder that syncd writes to, so a refused file cannot reach it, not even by a restart of nginx.
#   /srv/syncd/files    what syncd wrote (read-only here)
#   /srv/syncd/result   gateway.json: {digest, ok, message}, which syncd waits for (docs/reloads.md)
#   /run/gateway        tmpfs: N/nginx.conf with N/sites/, one folder a version; `current` names the one that runs
files=/srv/syncd/files result=/srv/syncd/result/gateway.json run=/run/gateway frame=/gateway/nginx.conf
seen=none version=0 current='' nginx='' answer='' unwritten=''
umask 022

digest() {
    (cd "$1" && sha256sum ./*.conf 2>/dev/null) | sed 's| .*/|  |' | LC_ALL=C sort | sha256sum | cut -d' ' -f1
}

# Make the folder of the next version, without a site.
empty() {
    version=$((version + 1))
    mkdir -p "$run/$version/sites" && cp "$frame" "$run/$version/nginx.conf"
}

# Make $run/$version of what lies in $files. An empty folder is a version too: nginx runs, and serves no site.
copy() {
    empty || return 1
    for file in "$files"/*.conf; do
        [ ! -e "$file" ] || cp "$file" "$run/$version/sites/" || return 1
    done
}

# The link is replaced by a rename: whoever starts or reloads nginx finds the old version or the new one.
switch() {
    ln -sfn "$1" "$run/next" && mv -T "$run/next" "$run/current" && current=$1
}

# Text for JSON whatever bytes it is of: on one line, other than ASCII as ?, not too long.
plain() {
    printf %s "$1" | LC_ALL=C tr '\000-\037\177' ' ' | LC_ALL=C tr '\200-\377' '?' | head -c 4000 | sed 's/[\\"]/\\&/g'
}

# What was taken once is not taken again: an answer that cannot be written is kept, and only its writing is tried again.
say() {
    seen=$1 answer=$(printf '{"digest": "%s", "ok": %s, "message": "%s"}' "$1" "$2" "$(plain "$3")")
    write || echo "gateway: $result cannot be written, trying again" >&2
}

write() {
    unwritten=yes
    { printf '%s\n' "$answer" >"$result.new" && mv "$result.new" "$result"; } 2>/dev/null && unwritten=''
}

# That `-s reload` ends with 0 says that a signal was sent. The master itself says in its log whether it took the
# configuration: it starts workers, or goes on with the old ones. An address that is taken it tries for 2.5 s.
took() {
    tries=0
    until grep -q 'start worker processes' "$run/error.log"; do
        grep '\[emerg\]' "$run/error.log" | grep -qv 'bind() to' && break
        tries=$((tries + 1))
        { [ "$tries" -lt 50 ] && kill -0 "$nginx" 2>/dev/null; } || break
        sleep 0.2
    done
    grep -q 'start worker processes' "$run/error.log" && return 0
    said=$(grep '\[emerg\]' "$run/error.log" | tail -n 3)
    said=${said:-nginx did not take the files within 10 s}
    return 1
}

start() {
    : >"$run/error.log"
    nginx -e stderr -c "$run/current/nginx.conf" &
    nginx=$!
    took
}

reload() {
    : >"$run/error.log"
    said=$(nginx -e stderr -s reload -c "$run/current/nginx.conf" 2>&1) && took
}

# What was copied counts, not what lies there by now: the digest is the copy's.
take() {
    before=$current said=''
    if ! copy; then
        rm -rf "${run:?}/$version"
        say "$(digest "$files")" false "the files cannot be copied to $run"
        return
    fi
    now=$(digest "$run/$version/sites")
    if ! said=$(nginx -e stderr -t -c "$run/$version/nginx.conf" 2>&1); then
        rm -rf "${run:?}/$version"
        say "$now" false "$said"
        return
    fi
    switch "$version"
    if [ -z "$before" ]; then start; else reload; fi || { refused "$said"; return; }
    [ -z "$before" ] || rm -rf "${run:?}/$before"
    say "$now" true ""
}

# The test passed and nginx itself refused: what ran before runs on, and is what the next start finds.
refused() {
    said_first=$1 wrong=$current
    if [ -n "$before" ]; then
        switch "$before" && reload
    else
        kill -TERM "$nginx" 2>/dev/null
        wait "$nginx"
        current=''
    fi
    rm -rf "${run:?}/$wrong"
    say "$now" false "$said_first"
}

# Requests that are open get 8 s to end, Docker waits for 10.
# shellcheck disable=SC2329  # the trap calls it
stop() {
    kill -QUIT "$nginx" 2>/dev/null
    (sleep 8; kill -TERM "$nginx" 2>/dev/null) &
    late=$!
    wait "$nginx"
    kill "$late" 2>/dev/null
    exit 0
}

trap '[ -z "$nginx" ] || stop; exit 0' TERM INT
take
if [ -z "$current" ]; then      # what lies there is refused: run without a site until syncd has put it right
    { empty && switch "$version" && start; } || exit 1
fi

while kill -0 "$nginx" 2>/dev/null; do
    [ -z "$unwritten" ] || write
    [ "$(digest "$files")" = "$seen" ] || take
    [ "$(wc -c <"$run/error.log")" -lt 1000000 ] || : >"$run/error.log"   # a tmpfs is memory
    sleep 0.5 &
    wait $!             # a signal ends the wait at once, it would not end a sleep
done
exit 1

#!/bin/sh
# nginx that looks after its own files: copies what syncd wrote, tests the copy, switches to it, reloads, says what came of it.
# The running nginx never reads the folder that syncd writes to, so a refused file cannot reach it, not even by a restart of nginx.
#   /srv/syncd/files    what syncd wrote (read-only here)
#   /srv/syncd/result   gateway.json: {digest, ok, message}, which syncd waits for (docs/reloads.md)
#   /run/gateway        tmpfs: N/nginx.conf with N/sites/, one folder a version; `current` names the one that runs
files=/srv/syncd/files result=/srv/syncd/result/gateway.json run=/run/gateway seen=none version=0 current=''
umask 022

digest() {
    (cd "$1" && sha256sum ./*.conf 2>/dev/null) | sed 's| .*/|  |' | LC_ALL=C sort | sha256sum | cut -d' ' -f1
}

# Make $run/$version of what lies in $files. An empty folder is a version too: nginx runs, and serves no site.
copy() {
    version=$((version + 1))
    mkdir -p "$run/$version/sites" && cp /gateway/nginx.conf "$run/$version/" || return 1
    for file in "$files"/*.conf; do
        [ ! -e "$file" ] || cp "$file" "$run/$version/sites/" || return 1
    done
}

# The link is replaced by a rename: whoever starts or reloads nginx finds the old version or the new one.
switch() {
    ln -sfn "$1" "$run/next" && mv -T "$run/next" "$run/current"
}

say() {
    message=$(printf %s "$3" | tr '\n\t' '  ' | sed 's/[\\"]/\\&/g')
    printf '{"digest": "%s", "ok": %s, "message": "%s"}\n' "$1" "$2" "$message" >"$result.new" && mv "$result.new" "$result"
}

# What was copied counts, not what lies there by now: the digest is the copy's.
take() {
    copy || return
    now=$(digest "$run/$version/sites")
    if ! said=$(nginx -e stderr -t -c "$run/$version/nginx.conf" 2>&1); then
        rm -rf "${run:?}/$version"
        say "$now" false "$said" && seen=$now
        return
    fi
    before=$current
    switch "$version" && current=$version
    if [ -n "$before" ] && ! said=$(nginx -e stderr -s reload -c "$run/current/nginx.conf" 2>&1); then
        switch "$before" && current=$before
        say "$now" false "$said" && seen=$now
        return
    fi
    [ -z "$before" ] || rm -rf "${run:?}/$before"
    say "$now" true "" && seen=$now
}

take
if [ -z "$current" ]; then      # what lies there is refused: run without a site until syncd has put it right
    version=$((version + 1))
    mkdir -p "$run/$version/sites" && cp /gateway/nginx.conf "$run/$version/"
    switch "$version" && current=$version
fi

nginx -e stderr -c "$run/current/nginx.conf" &
nginx=$!
trap 'kill -QUIT $nginx; wait $nginx; exit 0' TERM INT
until [ -s "$run/nginx.pid" ]; do kill -0 $nginx || exit 1; sleep 0.1; done

while kill -0 $nginx 2>/dev/null; do
    [ "$(digest "$files")" = "$seen" ] || take
    sleep 0.5 &
    wait $!             # a signal ends the wait at once, it would not end a sleep
done
exit 1

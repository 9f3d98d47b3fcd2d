#!/bin/sh
# Have nginx test what syncd wrote to out/nginx/: `sh check.sh [NGINX]`, run in the folder of config.yaml.
# The main configuration around the files is made here, in a folder that is gone afterwards: so the files are looked at
# whatever the machine's own nginx includes, without root, and without an nginx that runs.
set -eu
trap 'exit 1' INT TERM
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/nginx.conf" <<END
pid "$work/pid";
error_log stderr;
events {
}
http {
    access_log off;
    client_body_temp_path "$work/body";
    proxy_temp_path "$work/proxy";
    fastcgi_temp_path "$work/fastcgi";
    uwsgi_temp_path "$work/uwsgi";
    scgi_temp_path "$work/scgi";
    include "$PWD/out/nginx/*.conf";
}
END
"${1:-nginx}" -t -q -p "$work" -c "$work/nginx.conf"

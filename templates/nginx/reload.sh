#!/bin/sh
# Have the machine's nginx reread its files: `sh reload.sh [NGINX]`.
# One that does not run has nothing to reload: it reads the new files when it starts. That is no failure.
said=$("${1:-nginx}" -s reload 2>&1) && exit 0
case $said in
*'.pid" failed (2: '* | *'invalid PID number ""'* | *'kill('*') failed (3: '* | \
    *'/nginx.conf" failed (2: No such file or directory)')
    echo "nginx does not run: nothing to reload"
    ;;
*)
    echo "$said" >&2
    exit 1
    ;;
esac

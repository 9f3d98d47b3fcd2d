#!/bin/sh
# Healthy: nginx runs, and there is a site. Without tools of its own: the image may have neither curl nor wget.
[ -s /run/gateway/nginx.pid ] && kill -0 "$(cat /run/gateway/nginx.pid)" && ls /run/gateway/current/sites/*.conf >/dev/null

#!/bin/sh
# Set up access control once: bootstrap.sh ADMIN_FILE. Run again it does what is still to be done.
set -eu
umask 077
admin=$1
export CONSUL_HTTP_ADDR=http://consul:8500

until [ -s "$admin" ]; do      # a cluster without a leader refuses: it is asked again
    if said=$(consul acl bootstrap 2>&1); then
        printf '%s\n' "$said" | sed -n 's/^SecretID: *//p' >"$admin"
    else
        case $said in *'no longer allowed'*) echo "the administrator's token is lost: $said" >&2; exit 1 ;; esac
        sleep 1
    fi
done
export CONSUL_HTTP_TOKEN_FILE="$admin"

policy() { consul acl policy read -name "$1" >/dev/null 2>&1 || consul acl policy create -name "$1" -rules "$2" >/dev/null; }

policy servers 'node_prefix "" { policy = "write" } service_prefix "" { policy = "read" }'
policy syncd "@/policies/syncd-policy.hcl"

token=$(cat /run/secrets/consul_token)
if ! CONSUL_HTTP_TOKEN_FILE=/run/secrets/consul_token consul acl token read -self >/dev/null 2>&1; then
    consul acl token create -policy-name syncd -description syncd -secret "$token" >/dev/null
fi

if [ ! -e "$admin.servers" ]; then
    own=$(consul acl token create -policy-name servers -description servers | sed -n 's/^SecretID: *//p')
    for server in consul consul-2 consul-3; do
        CONSUL_HTTP_ADDR=http://$server:8500 consul acl set-agent-token agent "$own"
    done
    touch "$admin.servers"
fi

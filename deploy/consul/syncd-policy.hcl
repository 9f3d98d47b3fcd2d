# The least that syncd needs: read what config.yaml names, nothing else. Replace shop/ by your consul.prefix.
key_prefix "shop/" {
  policy = "read"
}

# Where a template calls service(), its instances; where it calls services(), `service_prefix ""` and `node_prefix ""`.
#service_prefix "" { policy = "read" }
#node_prefix ""    { policy = "read" }

# Where consul.lock_key is set: that one key, and the session that holds it.
#key "shop/locks/syncd" { policy = "write" }
#session_prefix "" { policy = "write" }

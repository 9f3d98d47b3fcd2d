# One of three servers. For real use add gossip encryption and TLS: Consul's own documentation.
server           = true
bootstrap_expect = 3
data_dir         = "/consul/data"
client_addr      = "0.0.0.0"
log_level        = "warn"
retry_interval   = "1s"
acl {
  enabled                  = true
  default_policy           = "deny"
  enable_token_persistence = true
}

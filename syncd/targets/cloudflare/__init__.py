"""Workers KV: how a `cloudflare_kv` target reads and writes pairs. Only `api` knows Cloudflare's SDK."""

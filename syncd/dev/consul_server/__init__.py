"""A Consul-compatible server in Python, for laptops and CI: the part of Consul's HTTP API that configuration needs.

It behaves as Consul 1.8.7 does, and the same tests run against both. On purpose it differs in this:

- One server on loopback, no raft, gossip, ACL, TLS, DNS or UI: every token and every `?dc` is accepted, and default,
  `?stale` and `?consistent` reads are the same.
- Tombstones are kept for ever: the index of a prefix does not fall back 15 minutes after a delete.
- A query for a prefix (or key) that does not exist wakes on every change of any key; Consul does so too, but for
  prefixes near others.
- A blocking query that its client gave up ends at once; Consul holds it until its wait is over.
- Checks other than TTL checks are not run: they are passing unless their registration gives a status. The output of a
  check is kept only when its status changes (Consul sends it on after 5 minutes).
- Registrations may have unknown fields, which are left out (weights, proxies and Connect too); Consul answers 400.
- A session belongs to this node and its check `serfHealth`; other checks cannot end it. A restart with `--data` gives
  sessions and TTL checks their full time again.
- `/v1/txn` knows keys only, and of their verbs set, cas, get, get-tree, delete, delete-tree, delete-cas, check-index,
  check-not-exists; names of fields are case-sensitive there.
- Keys that are not UTF-8 are stored with U+FFFD in the place of what is wrong; Consul keeps the bytes.
- Texts of errors are alike, not equal. Filters (`?filter`), `?near` and `?node-meta` are ignored.
"""

from syncd.dev.consul_server.app import make_app

__all__ = ["make_app"]

"""A server with the REST API of Cloudflare Workers KV, for laptops and CI: keys, values, metadata, bulk operations.

The shapes, limits and error codes are those of the real API, and the same tests run against workerd behind that API. On
purpose it differs in this:

- Any account and any token that is not empty is accepted; a namespace exists as soon as it is named.
- Writes are seen at once, everywhere; there are no rate or daily limits.
- Keys do not expire: a write with `expiration` or `expiration_ttl` is refused (10033).
- Namespaces cannot be listed, made or removed, and no Worker reads from them.
"""

from syncd.dev.kv_server.app import make_app

__all__ = ["make_app"]

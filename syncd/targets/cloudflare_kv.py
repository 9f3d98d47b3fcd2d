"""The target kind `cloudflare_kv`: pairs in a Workers KV namespace. Imports nothing of Cloudflare's SDK."""

from syncd.targets.base import Context, RemoteTarget, TargetKind
from syncd.targets.cloudflare.config import Config


def make(name: str, config: Config, context: Context) -> RemoteTarget:
    """Return the target; the SDK is imported when it first talks to Cloudflare."""
    from syncd.targets.cloudflare.target import CloudflareKv

    return CloudflareKv(name, config, context)


KIND = TargetKind(Config, make)

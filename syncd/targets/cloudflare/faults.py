"""What Cloudflare's refusals mean: worth another try, final, or to be waited out; and in which words. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from syncd.targets.cloudflare import wire

AUTH = 10000
NAMESPACE_NOT_FOUND = 10013
DAILY_LIMIT = 10048
RATE = 971
_PERMISSION = "Account › Workers KV Storage › Edit"
_MAX_WORDS = 200
_LONGEST_S = 86_400.0
"""The daily limit is the longest that Cloudflare asks to wait; a header that says more is not its."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Place:
    """The namespace that is written to."""

    base_url: str
    account_id: str
    namespace_id: str


class ApiFault(Exception):
    """One call failed. `retry`: the same call may be made again; `final`: only another configuration can help."""

    def __init__(
        self,
        what: str,
        *,
        retry: bool = False,
        final: bool = False,
        retry_after_s: float | None = None,
        status: int = 0,
    ) -> None:
        super().__init__(what)
        self.retry = retry
        self.final = final
        self.retry_after_s = retry_after_s
        self.status = status


def understood(reply: Reply, kind: type[wire.Answer[wire.T]], place: Place, utc: datetime) -> wire.Answer[wire.T]:
    """Return what an answer says.

    Raises:
        ApiFault: it is not a success, or not Cloudflare's.
    """
    if not 200 <= reply.status < 300:
        raise _refusal(reply, _errors(reply.body), place, utc)
    try:
        answer = msgspec.json.decode(reply.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        said = reply.headers.get("content-type", "nothing").partition(";")[0]
        raise ApiFault(
            f"HTTP {reply.status} with {_plain(said)}, which is not an answer of Cloudflare's API; "
            f"check base_url {place.base_url} and any proxy in between"
        ) from error
    if not answer.success:
        raise _refusal(reply, answer.errors or [], place, utc)
    return answer


def _errors(body: bytes) -> list[wire.ErrorItem]:
    try:
        return msgspec.json.decode(body, type=wire.Answer[Any]).errors or []
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []  # a proxy's page: its status says all that can be known


def _refusal(reply: Reply, errors: list[wire.ErrorItem], place: Place, utc: datetime) -> ApiFault:
    status, codes = reply.status, {error.code for error in errors}
    said = ", ".join(f'code {error.code} "{_plain(error.message)}"' for error in errors[:3])
    what = f"HTTP {status}" + (" with success: false" if status < 300 else "") + (f", {said}" if said else "")
    wait_s = _retry_after_s(reply.headers, utc)
    if DAILY_LIMIT in codes:
        midnight_s = _until_midnight_s(utc)
        return ApiFault(f"{what}: {_DAILY}", retry_after_s=midnight_s, status=status)
    if status == 429 or RATE in codes:
        return ApiFault(f"{what}: {_rate(wait_s)}", retry=True, retry_after_s=wait_s, status=status)
    if status == 408 or status >= 500:
        return ApiFault(f"{what}: {_UNWELL}", retry=True, retry_after_s=wait_s, status=status)
    final = status in (400, 401, 403, 413, 414) or bool(codes & {AUTH, NAMESPACE_NOT_FOUND})
    return ApiFault(f"{what}: {_advice(status, codes, place)}", final=final, status=status)


_DAILY = (
    "the account's writes for today are used up (the free plan allows 1,000); "
    "nothing can be written until 00:00 UTC, or until the account has a paid plan"
)
_UNWELL = "Workers KV could not answer; nothing to do here unless it stays so"


def _rate(wait_s: float | None) -> str:
    wait = f"; it must wait {wait_s:.0f} s" if wait_s is not None else ""
    return f"too many calls with this API token (1,200 in 5 minutes are allowed){wait}"


def _advice(status: int, codes: set[int], place: Place) -> str:
    if status in (401, 403) or AUTH in codes:
        return f"the API token was refused; it needs {_PERMISSION} on account {place.account_id}"
    if NAMESPACE_NOT_FOUND in codes:
        return (
            f"namespace {place.namespace_id} not found in account {place.account_id}; check namespace_id and account_id"
        )
    if status == 404:
        return f"nothing is there; check base_url {place.base_url} and account_id {place.account_id}"
    if 300 <= status < 400:
        return f"a redirect, and redirects are not followed; check base_url {place.base_url}"
    if status in (413, 414):
        return "too large for Workers KV, or for a proxy in between"
    return "Workers KV does not take it; trying again cannot help"


def _plain(words: str) -> str:
    plain = re.sub(r"[^\x20-\x7e\u00a0-\uffff]+", " ", words).strip()
    # Cut between words: half of a quoted secret would not be known for one.
    return plain if len(plain) <= _MAX_WORDS else plain[:_MAX_WORDS].rpartition(" ")[0]


def _retry_after_s(headers: Mapping[str, str], utc: datetime) -> float | None:
    said = headers.get("retry-after", "").strip()
    if not said:
        return None
    if said.isascii() and said.isdigit():
        return min(float(said), _LONGEST_S)
    try:
        at = parsedate_to_datetime(said)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return min(max(0.0, (at - utc).total_seconds()), _LONGEST_S)


def _until_midnight_s(utc: datetime) -> float:
    midnight = (utc + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight - utc).total_seconds()

// Faults that real Workers KV cannot be made to show. A fault: {match: "PUT bulk", namespace?, skip?: calls to let pass,
// times?: 1, -1 = for ever} and any of
//   status, headers, body   answer this instead of asking (body: JSON value or text; status default 200)
//   delay_ms                first wait
//   drop: "before"|"after"  close the connection without an answer, before or after the request was carried out
//   unsuccessful_keys: []   these keys of a bulk are not carried out and come back as unsuccessful
//   empty_page: true        an empty page with a cursor that goes on at the same place
//   stale: true             lists show what the namespace held when the fault was set (limit, prefix, cursor honoured)

export const OUR_CURSORS = "~";
const EMPTY_CURSOR = "~empty:";
const OLD_CURSOR = "~old:";
const KEEP = { "content-type": "application/json" };
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Faults {
  #faults = [];
  #old = new Map(); // namespace -> pairs that a stale list shows
  #forward;

  constructor(forward) {
    this.#forward = forward;
  }

  /** Set a fault; the last one set for an operation is the first one to act. */
  async add(fault) {
    if (fault.stale) this.#old.set(fault.namespace, await this.#everything(fault));
    this.#faults.unshift({ times: 1, skip: 0, ...fault });
    return this.#faults.length;
  }

  clear() {
    this.#faults = [];
    return 0;
  }

  /** Return the fault that strikes this call, and count it. */
  take(match, namespace) {
    for (const fault of this.#faults) {
      if (fault.match !== match || (fault.namespace && fault.namespace !== namespace) || fault.times === 0) continue;
      if (fault.skip > 0) {
        fault.skip -= 1;
        continue;
      }
      fault.times -= 1;
      return fault;
    }
    return undefined;
  }

  /** Return the answer to a call that `fault` strikes (or that goes on after one); null closes the connection. */
  async answer(fault, call) {
    if (fault?.delay_ms) await sleep(fault.delay_ms);
    if (fault?.drop === "before") return null;
    if (fault?.status || fault?.body !== undefined) return canned(fault);
    if (fault?.empty_page) return emptyPage(call);
    if (fault?.stale || cursorOf(call).startsWith(OLD_CURSOR)) return this.#oldPage(call);
    if (fault?.unsuccessful_keys) return this.#partly(fault.unsuccessful_keys, call);
    const answer = await this.#forward(withoutOurCursor(call));
    return fault?.drop === "after" ? null : answer;
  }

  async #partly(refused, call) {
    const wanted = JSON.parse(call.body);
    const rest = wanted.filter((pair) => !refused.includes(pair.key ?? pair));
    const answer = await this.#forward({ ...call, body: JSON.stringify(rest) });
    const report = JSON.parse(answer.body);
    if (report.success) report.result.unsuccessful_keys = refused;
    return { ...answer, body: JSON.stringify(report) };
  }

  async #everything({ namespace, list_path: path, authorization }) {
    const pairs = [];
    for (let cursor = ""; ; ) {
      const asked = { method: "GET", path: `${path}?limit=1000&cursor=${cursor}`, headers: { authorization } };
      const { result, result_info } = JSON.parse((await this.#forward(asked)).body);
      pairs.push(...result);
      cursor = encodeURIComponent(result_info.cursor);
      if (!cursor) return pairs;
    }
  }

  #oldPage(call) {
    const query = new URL(call.path, "http://kv").searchParams;
    const from = Number(cursorOf(call).replace(OLD_CURSOR, "") || 0);
    const upTo = from + Number(query.get("limit") ?? 1000);
    const pairs = this.#old.get(call.namespace).filter(({ name }) => name.startsWith(query.get("prefix") ?? ""));
    return page(pairs.slice(from, upTo), upTo < pairs.length ? `${OLD_CURSOR}${upTo}` : "");
  }
}

function canned({ status = 200, headers = {}, body = "" }) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return { status, headers: { ...(typeof body === "string" ? {} : KEEP), ...headers }, body: text };
}

function page(result, cursor) {
  const body = { success: true, errors: [], messages: [], result, result_info: { count: result.length, cursor } };
  return { status: 200, headers: KEEP, body: JSON.stringify(body) };
}

function cursorOf(call) {
  return new URL(call.path, "http://kv").searchParams.get("cursor") ?? "";
}

function emptyPage(call) {
  return page([], EMPTY_CURSOR + cursorOf(call).replace(EMPTY_CURSOR, ""));
}

function withoutOurCursor(call) {
  const cursor = cursorOf(call);
  if (!cursor.startsWith(EMPTY_CURSOR)) return call;
  const url = new URL(call.path, "http://kv");
  url.searchParams.set("cursor", cursor.slice(EMPTY_CURSOR.length));
  return { ...call, path: url.pathname + url.search };
}

// Cloudflare's REST API for Workers KV (v4), in front of real Workers KV bindings: the part of it that syncd uses.
// Limits and error codes are those of the real one; rate limits, lag and other faults are added by server.mjs.

const MAX_KEY_BYTES = 512;
const MAX_METADATA_BYTES = 1024;
const MAX_VALUE_BYTES = 25 * 1024 * 1024;
const MAX_PAIRS = 10_000;
const MAX_BULK_GET = 100;
const ROUTE = /^\/client\/v4\/accounts\/([^/]+)\/storage\/kv\/namespaces\/([^/]+)\/([^?]+)$/;

class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    Object.assign(this, { status, code });
  }
}

const bad = (message) => new Refused(400, 10029, `bad request: ${message}`);
const noKey = () => new Refused(404, 10009, "get: 'key not found'");
const bytesOf = (text) => new TextEncoder().encode(text).length;
const succeed = (result, more = {}) => Response.json({ success: true, errors: [], messages: [], result, ...more });

export default {
  async fetch(request, env) {
    try {
      return await answer(request, env);
    } catch (fault) {
      const { status = 500, code = 10000, message } = fault;
      return Response.json({ success: false, errors: [{ code, message }], messages: [], result: null }, { status });
    }
  },
};

async function answer(request, env) {
  const url = new URL(request.url);
  if (url.pathname === "/__reader") return env.READER.fetch(request);
  const [, account, namespace, operation] = ROUTE.exec(url.pathname) ?? [];
  if (!operation) throw new Refused(404, 7000, "No route for that URI");
  if (request.headers.get("authorization") !== `Bearer ${env.TOKEN}`) throw new Refused(403, 10000, "Authentication error");
  if (account !== env.ACCOUNT) throw new Refused(404, 7003, "Could not route to the account: invalid object identifier?");
  const kv = namespace in env.NAMESPACES && env[namespace];
  if (!kv) throw new Refused(404, 10013, "namespace not found");
  const [kind, key] = split(operation);
  const handler = HANDLERS[`${request.method} ${kind}`];
  if (!handler) throw new Refused(405, 10405, "method not allowed");
  return handler(kv, request, url.searchParams, key);
}

function split(operation) {
  const [, kind, key] = /^(values|metadata)\/(.*)$/.exec(operation) ?? [null, operation, ""];
  return [kind, decodeURIComponent(key)];
}

const HANDLERS = {
  "GET keys": listKeys,
  "PUT bulk": putBulk,
  "POST bulk/delete": deleteBulk,
  "POST bulk/get": getBulk,
  "GET values": getValue,
  "PUT values": putValue,
  "DELETE values": deleteValue,
  "GET metadata": getMetadata,
};

async function listKeys(kv, request, query) {
  const limit = Number(query.get("limit") ?? 1000);
  if (!(limit >= 10 && limit <= 1000)) throw bad("limit must be 10 to 1000");
  const page = await kv.list({ limit, prefix: query.get("prefix"), cursor: query.get("cursor") || undefined });
  const keys = page.keys.map(({ name, expiration, metadata }) => ({ name, expiration, metadata: metadata ?? undefined }));
  return succeed(keys, { result_info: { count: keys.length, cursor: page.list_complete ? "" : page.cursor } });
}

async function putBulk(kv, request) {
  const pairs = await arrayOf(request);
  const seen = new Map();
  const writes = pairs.map((pair) => {
    const write = checkedPair(pair);
    if (seen.has(pair.key) && seen.get(pair.key) !== pair.value) throw bad(`key '${pair.key}' with two values`);
    seen.set(pair.key, pair.value);
    return write;
  });
  await Promise.all(writes.map(([key, value, options]) => kv.put(key, value, options)));
  return succeed({ successful_key_count: writes.length, unsuccessful_keys: [] });
}

function checkedPair(pair) {
  if (typeof pair?.key !== "string" || typeof pair.value !== "string") throw bad("key and value must be strings");
  checkKey(pair.key);
  const value = pair.base64 ? Uint8Array.from(atob(pair.value), (char) => char.charCodeAt(0)) : pair.value;
  if ((pair.base64 ? value.length : bytesOf(value)) > MAX_VALUE_BYTES) throw new Refused(413, 10029, "value too large");
  if (pair.metadata !== undefined && bytesOf(JSON.stringify(pair.metadata)) > MAX_METADATA_BYTES) {
    throw new Refused(400, 10047, `metadata of '${pair.key}' is over ${MAX_METADATA_BYTES} bytes`);
  }
  if (pair.expiration_ttl !== undefined && !(pair.expiration_ttl >= 60)) throw new Refused(400, 10033, "ttl under 60 s");
  const { metadata, expiration, expiration_ttl: expirationTtl } = pair;
  return [pair.key, value, { metadata, expiration, expirationTtl }];
}

function checkKey(key) {
  if (key === "" || key === "." || key === "..") throw bad(`invalid key '${key}'`);
  if (bytesOf(key) > MAX_KEY_BYTES) throw new Refused(400, 10030, `key is over ${MAX_KEY_BYTES} bytes: '${key}'`);
}

async function arrayOf(request) {
  const body = await request.json().catch(() => null);
  if (!Array.isArray(body)) throw bad("body must be a JSON array");
  if (body.length > MAX_PAIRS) throw bad(`over ${MAX_PAIRS} in one request`);
  return body;
}

async function deleteBulk(kv, request) {
  const keys = await arrayOf(request);
  keys.forEach(checkKey);
  await Promise.all(keys.map((key) => kv.delete(key)));
  return succeed({ successful_key_count: keys.length, unsuccessful_keys: [] });
}

async function getBulk(kv, request) {
  const { keys, type = "text", withMetadata = false } = await request.json();
  if (!Array.isArray(keys) || keys.length > MAX_BULK_GET) throw bad(`keys must be a list of at most ${MAX_BULK_GET}`);
  const values = {};
  for (const key of keys) {
    const { value, metadata } = await kv.getWithMetadata(key, type);
    values[key] = withMetadata && value !== null ? { value, metadata } : value;
  }
  return succeed({ values });
}

async function getValue(kv, request, query, key) {
  const value = await kv.get(key, "arrayBuffer");
  if (value === null) throw noKey();
  return new Response(value, { headers: { "content-type": "application/octet-stream" } });
}

async function putValue(kv, request, query, key) {
  checkKey(key);
  const form = request.headers.get("content-type")?.startsWith("multipart/form-data") && (await request.formData());
  const value = form ? form.get("value") : await request.arrayBuffer();
  const metadata = form && form.get("metadata") ? JSON.parse(form.get("metadata")) : undefined;
  await kv.put(key, typeof value === "object" && value.arrayBuffer ? await value.arrayBuffer() : value, { metadata });
  return succeed({});
}

async function deleteValue(kv, request, query, key) {
  checkKey(key);
  await kv.delete(key);
  return succeed({});
}

async function getMetadata(kv, request, query, key) {
  const { value, metadata } = await kv.getWithMetadata(key, "stream");
  if (value === null) throw noKey();
  await value.cancel();
  return succeed(metadata);
}

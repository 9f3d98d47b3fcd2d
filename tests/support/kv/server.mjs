// Real Workers KV on loopback: miniflare runs workerd with api-worker and reader-worker, and this front logs requests and
// injects faults. Prints {"url"} when ready; ends when stdin ends, so that it never outlives the tests.
//   GET, DELETE /__requests     what was asked: [{at_ms, method, op, namespace, query, keys, status, faulted}]
//   POST, DELETE /__faults      see faults.mjs

import { File } from "node:buffer";
import http from "node:http";
import { createRequire } from "node:module";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Faults, OUR_CURSORS } from "./faults.mjs";

const { modules, token, account, namespaces } = JSON.parse(process.argv[2]);
globalThis.File ??= File; // Debian 12's node 18 does not have it as a global, and miniflare's undici wants it
const { Miniflare } = createRequire(join(modules, "package.json"))("miniflare");
const ROUTE = /\/namespaces\/([^/]+)\/(keys|bulk\/get|bulk\/delete|bulk|values|metadata)(?:\/(.*))?$/;

const here = dirname(fileURLToPath(import.meta.url));
const folder = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "syncd-kv-"));
const bound = Object.fromEntries(namespaces.map((id) => [id, id]));
const script = (name) => ({ modules: true, scriptPath: join(here, name), kvNamespaces: bound });
const miniflare = new Miniflare({
  host: "127.0.0.1",
  port: 0,
  cf: false,
  kvPersist: folder,
  workers: [
    {
      name: "api",
      ...script("api-worker.mjs"),
      bindings: { TOKEN: token, ACCOUNT: account, NAMESPACES: bound },
      serviceBindings: { READER: "reader" },
    },
    { name: "reader", ...script("reader-worker.mjs") },
  ],
});
const workerd = await miniflare.ready;
const agent = new http.Agent({ keepAlive: true });
const faults = new Faults(forward);
let requests = [];

/** Ask workerd; resolves to {status, headers, body}. */
function forward({ method, path, headers = {}, body = "" }) {
  const length = Buffer.byteLength(body);
  return new Promise((resolve, reject) => {
    const options = { agent, host: workerd.hostname, port: workerd.port, method, path };
    // Not compressed: faults read and change the answer.
    const sent = { ...headers, "accept-encoding": "identity", "content-length": length };
    const asked = http.request({ ...options, headers: sent }, async (answer) => {
      resolve({ status: answer.statusCode, headers: answer.headers, body: await bodyOf(answer) });
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

async function bodyOf(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function keysIn(op, body) {
  if (op !== "bulk" && op !== "bulk/delete") return undefined;
  try {
    return JSON.parse(body).map((pair) => pair.key ?? pair);
  } catch {
    return undefined;
  }
}

async function serve(request, response) {
  const { method, url: path, headers } = request;
  const url = new URL(path, workerd);
  const [, namespace, op] = ROUTE.exec(url.pathname) ?? [];
  const call = { method, path, namespace, headers, body: await bodyOf(request) };
  if (path.startsWith("/__")) return administer(call, response);
  const query = Object.fromEntries(url.searchParams);
  const entry = { at_ms: Date.now(), method, op, namespace, query, keys: keysIn(op, call.body), faulted: false };
  requests.push(entry);
  const fault = faults.take(`${method} ${op}`, namespace);
  entry.faulted = Boolean(fault);
  const answer = fault || query.cursor?.startsWith(OUR_CURSORS) ? await faults.answer(fault, call) : await forward(call);
  entry.status = answer?.status ?? 0;
  if (!answer) return response.socket.destroy();
  reply(response, answer);
}

async function administer({ method, path, headers, body }, response) {
  const json = (value) => reply(response, { status: 200, headers: {}, body: JSON.stringify(value) });
  if (path.startsWith("/__reader")) return reply(response, await forward({ method, path, headers, body }));
  if (path === "/__faults" && method === "POST") return json(await faults.add(JSON.parse(body)));
  if (path === "/__faults") return json(faults.clear());
  if (path === "/__requests" && method === "DELETE") requests = [];
  return json(requests);
}

function reply(response, { status, headers, body }) {
  const { "transfer-encoding": _, connection: __, ...rest } = headers;
  response.writeHead(status, { ...rest, "content-length": Buffer.byteLength(body) });
  response.end(body);
}

const front = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  serve(request, response).catch((fault) => reply(response, { status: 599, headers: {}, body: String(fault.stack) }));
});
front.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ url: `http://127.0.0.1:${front.address().port}` })));

async function finish() {
  await miniflare.dispose();
  rmSync(folder, { recursive: true, force: true });
  process.exit(0);
}
process.stdin.on("end", finish).resume();
process.on("SIGTERM", finish);

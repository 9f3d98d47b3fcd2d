// An edge program that reads its configuration through a binding, as a user's Worker does.

async function edgeProgram(path, env) {
  const value = await env.CONFIG_KV.get(path);
  return value === null ? new Response("missing", { status: 404 }) : new Response(value);
}

export default {
  // A real Worker has one namespace bound; here the test names which one is CONFIG_KV.
  fetch(request, env) {
    const query = new URL(request.url).searchParams;
    return edgeProgram(query.get("key"), { CONFIG_KV: env[query.get("namespace")] });
  },
};

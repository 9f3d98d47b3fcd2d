// A real Chromium, driven line by line: {"do": …, …} on stdin, {"result": …} or {"error": …} on stdout.
// argv: [path of chromium, folder that has node_modules]
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [, , executablePath, folder] = process.argv;
const require = createRequire(`${folder}/package.json`);
const { chromium } = require("playwright-core");
const axe = require.resolve("axe-core/axe.min.js");

const quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
const sandbox = process.getuid() === 0 ? ["--no-sandbox"] : [];
const browser = await chromium.launch({ executablePath, args: [...quiet, ...sandbox] });
let page;
let complaints = [];

const verbs = {
  async open({ url, width = 1100, scheme = "light" }) {
    await page?.context().close();
    complaints = [];
    page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme: scheme });
    page.on("console", (said) => complaints.push(`${said.type()}: ${said.text()}`));
    page.on("pageerror", (error) => complaints.push(`uncaught: ${error}`));
    await page.goto(url);
  },
  // Playwright's own waitForFunction evaluates text in the page, which the page's policy forbids.
  async wait({ until }) {
    const end = Date.now() + 20_000;
    while (!(await page.evaluate(until).catch(() => false))) {
      if (Date.now() > end) throw new Error("not within 20 s");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  },
  evaluate: ({ script }) => page.evaluate(script),
  press: ({ key }) => page.keyboard.press(key),
  screenshot: ({ path }) => page.screenshot({ path, fullPage: true }).then(() => path),
  complaints: () => complaints,
  async axe() {
    await page.evaluate(require("node:fs").readFileSync(axe, "utf8"));
    const { violations, passes } = await page.evaluate("axe.run()");
    return {
      passes: passes.length,
      violations: violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(" ")}`),
    };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  let answer;
  try {
    answer = { result: (await verbs[request.do](request)) ?? null };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
await browser.close();

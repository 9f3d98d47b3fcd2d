// Keeps the page as syncd says it is: regions by server-sent events, ages by the clock.
"use strict";

const SILENCE_MS = 45_000; // three times what the server lets pass without a word
const AGAIN_MS = 5_000;
const root = document.documentElement;
const byId = (id) => document.getElementById(id);

let ahead = Date.now() / 1000 - Number(root.dataset.now); // of the server's clock, in seconds
let heardAt = Date.now();
let lostAt = null;
let stream;

function span(seconds) {
  const units = [["d", 86400], ["h", 3600], ["min", 60]];
  const [unit, size] = units.find(([, size]) => seconds >= 2 * size) ?? ["s", 1];
  return `${Math.floor(seconds / size)} ${unit}`;
}

function showAges() {
  const now = Date.now() / 1000 - ahead;
  for (const element of document.querySelectorAll("time")) {
    element.title ||= element.textContent;
    const age = now - Date.parse(element.dateTime) / 1000;
    const past = element.dataset.over ?? (age < 1 ? "now" : `${span(age)} ago`);
    const words = age > -1 ? past : `in ${span(-age)}`;
    if (element.textContent !== words) element.textContent = words;
  }
}

// Puts what a plan or a change says where it was unfolded.
async function fill(details) {
  const place = details.querySelector("div");
  try {
    const answer = await fetch(details.dataset.from);
    const text = await answer.text();
    const found = answer.ok && new DOMParser().parseFromString(text, "text/html").querySelector(".lines");
    if (!place.isConnected) return;
    if (found) place.replaceChildren(found);
    else place.textContent = answer.status === 404 ? text : `syncd answered ${answer.status}`;
  } catch {
    place.textContent = "syncd does not answer";
  }
}

document.addEventListener("toggle", (event) => {
  if (event.target.open && event.target.dataset.from) fill(event.target);
}, true);

// Puts a region's new content in place: what is open stays open, and what has the focus keeps it.
function replace(region, html) {
  const open = [...region.querySelectorAll("details[open]")].map((one) => one.id);
  const focused = region.contains(document.activeElement) ? document.activeElement.id : "";
  region.innerHTML = html;
  for (const id of open) byId(id)?.setAttribute("open", "");
  if (focused && focused !== region.id) (byId(focused) ?? region).focus({ preventScroll: true });
}

function heard(event) {
  const news = JSON.parse(event.data);
  ahead = Date.now() / 1000 - news.now;
  heardAt = Date.now();
  lostAt = null;
  byId("lost").hidden = true;
  byId("connection").textContent = "Live";
  root.dataset.connection = "live";
  return news;
}

function update(event) {
  const news = heard(event);
  if (news.layout !== root.dataset.layout) {
    location.reload(); // another version, or other targets
    return;
  }
  document.title = `${news.title} · syncd`;
  for (const [id, html] of Object.entries(news.regions)) replace(byId(id), html);
  if (news.announcement) byId("announcement").textContent = news.announcement;
  showAges();
}

function lost() {
  if (lostAt !== null) return;
  lostAt = new Date();
  root.dataset.connection = "lost";
  byId("connection").textContent = "Not connected";
  byId("lost").textContent =
    `syncd has not answered since ${lostAt.toLocaleTimeString()}. What is shown is from before; this page tries again by itself.`;
  byId("lost").hidden = false;
}

function connect() {
  stream?.close();
  heardAt = Date.now();
  stream = new EventSource("api/v1/events");
  stream.addEventListener("status", update);
  stream.addEventListener("alive", heard);
  stream.addEventListener("error", () => {
    lost();
    // The browser comes again by itself, but for where it was refused.
    if (stream.readyState === EventSource.CLOSED) setTimeout(connect, AGAIN_MS);
  });
}

function tick() {
  showAges();
  if (Date.now() - heardAt > SILENCE_MS) {
    lost();
    connect();
  }
}

byId("connection").textContent = "Connecting";
showAges();
connect();
setInterval(tick, 1000);

const RETRY_MS = [250, 500, 1000, 2000];
const TOO_MANY_MS = 60000;       // after 429, no request for at least this long
const delay = ms => new Promise(done => setTimeout(done, ms));

let live = null;                          // whether that shows what the camera sees; null: unknown
let trouble = "";                         // why it does not, or why no more pictures come, as /state says
let camera = "", source = "";             // the name of one of several, and of its device
let periods = [];                         // seconds from one picture of the camera to the next, of those that came last
let running = null;                       // while the page wants pictures: its AbortController, whether pictures come
let retrying = null;

const LOGIN = $("why").textContent;
const RETRIES = "The page keeps trying.";
const CAMERA = "Check the camera's cable and power; the server's log says more. ";
const SERVER = "Check that the server runs and that this device is in its network, or close other windows of this server. ";
// Some reasons say themselves what to do.
const remedy = (why, otherwise) => (why.includes(";") ? "" : otherwise) + RETRIES;

// The state in words, and what to do about it; a screen reader hears only what is not a number.
function say(text, kind, hint = "", spoken = text) {
  const changed = $("status").textContent !== text;
  put($("status"), text);
  $("status").className = kind;
  if (pip && changed) draw();
  document.body.classList.toggle("old", kind === "lost" && live !== false);
  put($("hint"), hint);
  $("hint").hidden = !hint;
  put($("said"), spoken + ". " + hint);
}

let noted = null;
function note(text) {
  put($("note"), text);
  clearTimeout(noted);
  noted = setTimeout(put, 10000, $("note"), "");
}

// One connection, from its request to its end, which is thrown.
async function connection(abort, onLive) {
  let received = performance.now(), before = null;
  const watchdog = setInterval(() => { if (performance.now() - received > SILENCE_MS) abort.abort(); }, 500);
  const onPicture = part => {
    onLive();
    part.first = !before;
    // A still picture is repeated: too late to tell the latency, but it may not have been painted when it was new. A new
    // connection, or another run of the server, begins anew.
    if (part.sequence === before?.sequence) {
      part.first = true;
      if (visible() && shown?.sequence !== Number(part.sequence)) paint(part);
      return;
    }
    if (part.first || live !== part.live) put($("failed"), "");
    // As the camera takes them, however they arrive and are painted. A picture that says "no signal" is none of its own.
    const period = (part.timestamp - before?.timestamp) / (part.sequence - before?.sequence);
    if (period > 0 && part.live && before.live) periods = [...periods, period].slice(-9);
    before = part;
    if (part.live) trouble = "";
    if (live !== part.live) {
      live = part.live;
      since = now();
      trouble = "";
      askState();
    }
    record(part);
    if (visible()) paint(part);
    else since = now();                           // no time between painted pictures
    showStatus();
  };
  onPicture.received = () => { received = performance.now(); };
  try {
    await watch(onPicture, abort.signal);
  } finally {
    clearInterval(watchdog);
    abort.abort();
    if (shown) shown.sequence = null;             // another run's numbers mean other pictures
  }
}

// A hidden page needs no pictures, and the browser has only six connections to a server for all of its tabs.
const visible = () => !paused && (pip || !document.hidden);
const wanted = () => recording || visible();

function settle() {
  if (!$("login").hidden) return;
  if (wanted()) return run();
  if (running || paused) say("paused", "", paused && !document.hidden ? "Press Pause again to go on." : "");
  stop();
}

// Streams until nobody wants it any more, or the server denies access.
async function run() {
  if (running) return;
  const mine = running = { abort: null, over: false, connected: false };
  say("connecting", "");
  askState();
  for (let attempt = 0; !mine.over; attempt++) {
    let wait = RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)];
    mine.abort = new AbortController();
    try {
      await connection(mine.abort, () => { attempt = 0; mine.connected = true; });
    } catch (error) {
      if (mine.over) return;
      mine.connected = false;
      showNothing();
      if (error.final) return refused(error);
      wait = Math.max(wait, error.after || 0);
      const why = error.name === "AbortError" ? "silent, reconnecting" : "reconnecting: " + error.message;
      say(why, "lost", remedy(why, error.status ? "" : SERVER));
    }
    await delay(wait);
  }
}

function stop() {
  if (!running) return;
  running.over = true;
  running.abort?.abort();
  running = null;
  stopListening();
  showNothing();
}

// A failed attempt counts against everyone behind our address, so the page makes none by itself.
function refused(error) {
  stop();
  pending.clear();
  const { status, after, asksFor } = error, tooMany = status === 429;
  // The way on is another page.
  if (recording && !tooMany) finish();
  say(tooMany ? "too many attempts" : status === 403 ? "access denied" : "log in", "lost");
  const hidden = $("token").hidden = tooMany || !(/bearer/i.test(asksFor) || token);
  put($("why"), !hidden ? LOGIN : error.message + (after && !error.message.includes(";") ? `; wait ${Math.ceil(after / 1000)} s` : ""));
  $("again").hidden = $("login").hidden = false;
  // Where the focus was is hidden now.
  $(hidden ? "retry" : "secret").focus();
  // A reload makes the browser ask for user and password where there are users.
  $("retry").onclick = tooMany ? retry : () => location.reload();
  if (tooMany) retrying = setTimeout(retry, Math.max(after, TOO_MANY_MS));
}

function retry() {
  clearTimeout(retrying);
  $("login").hidden = true;
  settle();
}

on($("login"), "submit", event => {
  event.preventDefault();
  const secret = $("secret").value.trim();
  // This page answers at every address that needs a token; with the origin, since a relative address keeps a password.
  if (secret) location.replace(location.origin + location.pathname + "?token=" + encodeURIComponent(secret));
});

function showStatus() {
  if (!running?.connected) return;
  if (live === false || trouble) return say(trouble ? "no signal: " + trouble : "no signal", "lost", remedy(trouble, CAMERA));
  if (paused) return say("paused", "", "The recording goes on. Press Pause again to see it.");
  const last = painted.at(-1)?.at, still = last > since ? (now() - last) / 1000 : 0;
  say(still > 3 ? `live, last picture ${still.toFixed(0)} s ago` : "live", "live", "", still > 3 ? "live, but no new picture" : "live");
}

// Each a term and its words; nothing is left out, so that "none" can be read too.
function showFacts({ source: s, encoder: e, upload: u, budget: b }) {
  const facts = [
    ["Camera", `${s.name}: ` + (s.connected ? `${s.width}×${s.height} ${s.format}, ${s.fps} fps` : `no signal: ${s.reason}. ` + remedy(s.reason, CAMERA))],
    ["Encoder", e.name + (e.name === "pass-through" ? "" : `, quality ${e.quality}`) + (e.reason ? `; makes no pictures: ${e.reason}` : "")],
    ["Upload", !u ? "none" : `to ${u.url}: ${u.accepted} accepted, ${u.failed} failed`
      + (u.spool ? `, ${u.spool.pictures} waiting` : "") + (u.last_error ? `. It fails and is retried: ${u.last_error}` : "")],
    ["Budget", !b ? "none" : `${Math.round(b.kbps)} of ${b.max_kbps} kbit/s, `
      + (b.limited ? `so ${b.quality ? `quality ${b.quality} at ` : ""}${b.fps} fps` : "no limit now")],
  ];
  const list = $("facts");
  if (!list.firstChild) list.append(...facts.flatMap(([term]) => [element("dt", {}, term), element("dd")]));
  facts.forEach(([, text], index) => put(list.querySelectorAll("dd")[index], text));
}

// A page that is paused has settings and a state all the same.
const asks = () => running || paused && !document.hidden && !$("panel").hidden && $("login").hidden;

let asking = false;
async function askState() {
  if (asking || !asks()) return;
  asking = true;
  const sent = now();
  try {
    const state = await (await ask("state", { signal: deadline() })).json();
    const came = now(), trip = came - sent, ahead = 1000 * state.time - (sent + came) / 2;
    bestTrip += 0.5;                               // old measurements fade: clocks drift
    // What no slow answer explains is a clock that was set, or a laptop that slept.
    if (trip <= bestTrip || Math.abs(ahead - offset) > trip) [bestTrip, offset] = [trip, ahead];
    put($("viewers"), String(state.viewers.length));
    const s = state.source;
    if (!periods.length && s.fps) periods = [1 / s.fps];
    trouble = s.reason || state.encoder.reason || "";
    source = s.name;
    named(state.viewers.find(viewer => viewer.camera)?.camera);
    showStatus();
    put($("source"), [s.name, s.width && `${s.width}×${s.height}`, s.format, state.encoder.name].filter(Boolean).join(" · "));
    if (!$("panel").hidden) showFacts(state);
    const before = allowed;
    allowed = state.control === true;
    // A browser has six connections to a server.
    if (!state.frames.with_data && (!allowed || $("panel").hidden)) stopListening();
    else if (running) listen();
    // No events came while the page was paused or the server was gone; until they come again, the page asks by itself.
    if (allowed !== before) put($("failed"), "");
    if (allowed !== before || !listening()) await askControls();
  } catch (error) {
    // The stream ends by itself when the server is gone, and one that runs is not to be cut off.
    if (error.final && !running?.connected && asks()) refused(error);
  }
  asking = false;
}

// One of several cameras has a page below that of all.
function named(name) {
  if (!name || camera || !base.endsWith(`/${name}/`)) return;
  camera = name;
  document.title = `${name} – eyelet`;
  put(document.querySelector("h1"), name);
  $("all").hidden = false;
}


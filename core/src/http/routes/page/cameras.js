// Without this script the pictures show all the same. It connects them again, since an <img> does not, and says what is wrong.
const EVERY_MS = 1000;
const bar = $("status");
let again = 0;                            // how often pictures were requested: each time by an address of its own
let lost = false, denied = false, asking = false;
let since = Date.now();                   // when the last state came, or the pictures were requested
const SLEPT_MS = 10000;                   // later than this, the computer slept, and they may have ended unnoticed

// A browser has six connections to a server: five for pictures, one to ask for the state.
const links = [...document.querySelectorAll("main a")];
for (const link of links.splice(5)) {
  link.firstElementChild.removeAttribute("src");
  put(link.querySelector("b"), "open to view");
}
const cameras = links.map(link => {
  const img = link.firstElementChild, name = img.getAttribute("src").split("/")[0];
  return { name, link, img, says: link.querySelector("b"), captured: 0, unseen: 0, failed: 0 };
});

// `failed`: for how many states there has been no picture since one was refused.
function show(camera, failed = 0) {
  Object.assign(camera, { unseen: 0, failed });
  camera.img.src = address(camera.name + "/stream", "again=" + again++);
}

function say(camera, text) {
  put(camera.says, text);
  camera.link.classList.toggle("lost", text !== "");
}

function connection(text) {
  put(bar, text);
  for (const camera of cameras) if (text) camera.link.classList.add("lost");
}

async function ask() {
  if (asking || denied || document.hidden) return;
  asking = true;
  try {
    const response = await get("state", { signal: deadline() }).catch(noAnswer);
    // A failed attempt counts against everyone behind our address.
    denied = [401, 403, 429].includes(response.status);
    if (denied) connection(response.status === 429 ? "too many attempts; wait a minute, then reload the page" : "access denied; reload the page to log in");
    if (!response.ok) throw new Error("HTTP " + response.status);
    const state = await response.json();
    if (!document.hidden) update(state);
  } catch (error) {
    lost = true;
    if (!denied) connection(`reconnecting: ${error.message}; check that the server runs, and close other windows of it`);
  }
  asking = false;
}

function update(state) {
  connection("");
  lost ||= Date.now() - since > SLEPT_MS;
  since = Date.now();
  for (const camera of cameras) {
    const { source, encoder, frames } = state.cameras.find(one => one.name === camera.name) || {};
    if (!source) continue;
    if (camera.img.naturalWidth) camera.failed = 0;
    const why = source.reason || encoder.reason || "";
    say(camera, why ? "no signal: " + why + (why.includes(";") ? "" : "; check the camera's cable and power, and the server's log")
      : camera.failed && !lost ? "the server sends no picture, perhaps because of its viewer limit; the page keeps trying" : "");
    // A picture that has ended, in a browser that does not say so, is one that the server sends to nobody.
    camera.unseen = state.viewers.some(viewer => viewer.camera === camera.name) ? 0 : camera.unseen + 1;
    // One that is refused is asked for at times. Fewer frames than before: another run of the server.
    if (camera.failed && !lost) camera.failed++ % 5 || show(camera, camera.failed);
    else if (lost || frames.captured < camera.captured || camera.unseen > 2) show(camera);
    camera.captured = frames.captured;
  }
  lost = false;
}

// A hidden page needs no pictures.
function settle() {
  lost = false;
  since = Date.now();
  for (const camera of cameras) document.hidden || denied ? camera.img.removeAttribute("src") : show(camera);
}

for (const camera of cameras) camera.img.onerror = () => { camera.failed ||= Number(camera.img.hasAttribute("src")); };
if (token || document.hidden) settle();
on(document, "visibilitychange", () => {
  settle();
  ask();
});
setInterval(ask, EVERY_MS);
ask();

// Without this script the pictures show all the same. It connects them again, since an <img> does not, and says what is wrong.
const EVERY_MS = 1000;
const bar = $("status");
let again = 0;                            // how often pictures were requested: each time by an address of its own
let lost = false, denied = false, asking = false;

// A browser has six connections to a server: five for pictures, one to ask for the state.
const links = [...document.querySelectorAll("main a")];
for (const link of links.splice(5)) {
  link.firstElementChild.removeAttribute("src");
  put(link.querySelector("b"), "open it to see it");
}
const cameras = links.map(link => {
  const img = link.firstElementChild, name = img.getAttribute("src").split("/")[0];
  return { name, link, img, says: link.querySelector("b"), captured: 0, unseen: 0, failed: false };
});

function show(camera) {
  Object.assign(camera, { unseen: 0, failed: false });
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
    const response = await fetch(address("state"), { cache: "no-store", signal: deadline() }).catch(noAnswer);
    // A failed attempt counts against everyone behind our address.
    denied = [401, 403, 429].includes(response.status);
    if (denied) connection("access denied; reload the page to log in");
    if (!response.ok) throw new Error("HTTP " + response.status);
    update(await response.json());
  } catch (error) {
    lost = true;
    if (!denied) connection("reconnecting: " + error.message);
  }
  asking = false;
}

function update(state) {
  connection("");
  for (const camera of cameras) {
    const { source, encoder, frames } = state.cameras.find(one => one.name === camera.name) || {};
    if (!source) continue;
    const why = source.reason || encoder.reason || "";
    say(camera, why && `no signal: ${why}; check the camera's cable and power`);
    // A picture that has ended, in a browser that does not say so, is one that the server sends to nobody.
    camera.unseen = state.viewers.some(viewer => viewer.camera === camera.name) ? 0 : camera.unseen + 1;
    // Fewer frames than before: another run of the server.
    if (lost || camera.failed || frames.captured < camera.captured || camera.unseen > 2) show(camera);
    camera.captured = frames.captured;
  }
  lost = false;
}

for (const camera of cameras) {
  camera.img.onerror = () => { camera.failed = camera.img.hasAttribute("src"); };
  if (token && !document.hidden) show(camera);
}
// A hidden page needs no pictures.
on(document, "visibilitychange", () => {
  for (const camera of cameras) document.hidden ? camera.img.removeAttribute("src") : show(camera);
  ask();
});
setInterval(ask, EVERY_MS);
ask();

// What a person can do: name, words, key, icon. A button is missing where the browser cannot do it.
const video = document.createElement("video");
const TOOLS = [
  ["snapshot", "Snapshot", "s", "M4 8h3l2-3h6l2 3h3v11H4zM12 17a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7"],
  ["record", "Record", "r", "M12 18a6 6 0 1 0 0-12 6 6 0 0 0 0 12"],
  ["pause", "Pause", "p", "M8 5v14M16 5v14"],
  ["fit", "Fit", "0", "M3 6h18v12H3zM6 12h12M8 10l-2 2 2 2M16 10l2 2-2 2"],
  ["exact", "1:1", "1", "M6 7v10M18 7v10M12 9v1M12 14v1"],
  ["closer", "Zoom in", "+", "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14M20 20l-4-4M8 11h6M11 8v6"],
  ["farther", "Zoom out", "-", "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14M20 20l-4-4M8 11h6"],
  ["mirror", "Mirror", "m", "M12 4v16M9 7L4 17h5zM15 7l5 10h-5z"],
  ["turn", "Rotate", "t", "M19 12a7 7 0 1 1-3-5.7M17 2v5h-5"],
  document.fullscreenEnabled && ["full", "Full screen", "f", "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5"],
  document.pictureInPictureEnabled && canvas.captureStream && ["pip", "Picture in picture", "i", "M3 5h18v14H3zM12 12h6v4h-6z"],
  ["settings", "Settings", "c", "M4 7h10M18 7h2M4 17h2M10 17h10M16 5v4M8 15v4"],
].filter(Boolean);

const explain = (key, words) => $("shortcuts").append(element("dt", {}, element("kbd", {}, key)), element("dd", {}, words));
const buttons = new Map(TOOLS.map(([name, words, key, icon]) => {
  const button = element("button", { type: "button", id: "do-" + name, title: `${words} (${key})`, onclick: () => actions[name]() });
  button.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="${icon}"/></svg><span>${words}</span><b aria-hidden="true"></b>`;
  $("tools").append(button);
  explain(key, words);
  return [name, button];
}));
explain("arrows", "Move an enlarged picture");

function press(name, pressed) { buttons.get(name)?.setAttribute("aria-pressed", Boolean(pressed)); }

const refusedBy = error => note(`The browser refuses: ${unended(error.message)}. Allow it in its settings.`);

const actions = {
  snapshot() {
    if (!shown || !shown.live) return note(NOTHING);
    note(`Saved ${save(new Blob([shown.jpeg], { type: "image/jpeg" }), shown.date, "jpg")}.`);
  },
  record() {
    if (recording) finish();
    else {
      recording = new Recording();
      note("Recording; press Record again to save it.");
    }
    settle();
    showRecording();
  },
  pause() {
    paused = !paused;
    press("pause", paused);
    settle();
    showStatus();
  },
  fit: () => zoom(fitting()),
  exact: () => zoom(exact()),
  closer: () => zoomBy(1.5),
  farther: () => zoomBy(1 / 1.5),
  mirror() {
    turned.mirrored = !turned.mirrored;
    turn();
  },
  turn() {
    // Clockwise as seen.
    turned.angle = (turned.angle + (turned.mirrored ? 270 : 90)) % 360;
    turn();
  },
  full() {
    const done = document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen();
    done.catch(refusedBy);
  },
  async pip() {
    try {
      if (pip) return await document.exitPictureInPicture();
      if (video.srcObject) return;                 // it is on its way
      video.muted = video.playsInline = true;
      video.srcObject = canvas.captureStream();
      draw();
      await video.play();
      await video.requestPictureInPicture();
      pip = video;
      draw();
    } catch (error) {
      endPip();
      refusedBy(error);
    }
    press("pip", pip);
  },
  settings() { open(!$("panel").hidden); },
};

// A track that goes on is drawn for nobody.
function endPip() {
  video.srcObject?.getTracks()[0].stop();
  pip = video.srcObject = null;
  draw();
}

function turn() {
  keep("turned" + base, turned);
  press("mirror", turned.mirrored);
  press("turn", turned.angle);
  draw();
}

function open(close, focus = true) {
  $("panel").hidden = close;
  keep("panel", !close);
  buttons.get("settings").setAttribute("aria-expanded", !close);
  if (focus) (close ? buttons.get("settings") : $("panel").querySelector("h2")).focus();
  askState();
  askControls();
}

function showRecording() {
  press("record", recording);
  put(buttons.get("record").lastChild, recording ? `${Math.round(recording.seconds)} s, ${(recording.bytes / 1e6).toFixed(0)} MB` : "");
}

on(document, "fullscreenchange", () => press("full", document.fullscreenElement));
on(video, "leavepictureinpicture", () => {
  endPip();
  press("pip", false);
  settle();
});

$("close").onclick = () => open(true);
$("keys").checked = kept("keys") ?? true;
$("keys").onchange = () => keep("keys", $("keys").checked);
const MOVES = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };
on(document, "keydown", event => {
  if (event.key === "Escape" && !$("panel").hidden && $("login").hidden) return open(true);
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT)$/.test(event.target.tagName)) return;
  if (MOVES[event.key] && view.scale && !$("panel").contains(event.target)) {
    event.preventDefault();                        // the page of a small window would scroll
    pan(...MOVES[event.key]);
  }
  const key = event.key === "=" ? "+" : event.key.toLowerCase();
  const tool = $("keys").checked && $("login").hidden && TOOLS.find(one => one[2] === key);
  if (!tool) return;
  event.preventDefault();
  if (!event.repeat || "+-".includes(key)) actions[tool[0]]();
});

on(document, "visibilitychange", settle);
on(window, "beforeunload", event => { if (recording?.pictures) event.preventDefault(); });
setInterval(() => {
  if (running?.connected) showNumbers();
  showRecording();
}, 500);
setInterval(askState, 1000);
for (const name of ["record", "pause", "pip", "full"]) press(name, false);
turn();
place();
if (document.body.dataset.login !== undefined) {
  say("log in", "lost");
  if (token) $("why").prepend("Wrong token. ");
  $("login").hidden = false;
  $("secret").focus();
} else {
  open(!kept("panel"), false);
  settle();
}

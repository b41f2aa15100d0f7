const HOLD_MS = 50;              // a picture waits this long for its data, where that comes promptly

// What the application has found in pictures, by their numbers: it comes a little before its picture, or after it. The
// page listens once there is any, and while it shows settings that can change. Data of one picture adds up, to a limit.
let events = null;
const AGAIN_MS = 2000;           // after a refusal, no new attempt for this long
const listening = () => events?.readyState === EventSource.OPEN;
const found = new Map(), FOUND = 64, EACH = 8;
let held = null;                          // the picture that waits for its data
let prompt = false;                       // whether late data came so soon that waiting for it would have been worth it
let warned = false;
let changes = 0;                          // how often the settings came by themselves

function listen() {
  if (events) return;
  const mine = events = new EventSource(address("events"));
  on(mine, "frame", event => {
    const { sequence, data } = parse(event.data);
    if (sequence === undefined) return;
    found.set(sequence, [...(found.get(sequence) || []), data].slice(-EACH));
    if (found.size > FOUND) found.delete(found.keys().next().value);
    if (held?.sequence === sequence) held.release();
    if (shown?.sequence === sequence) {
      prompt = performance.now() - shown.at < HOLD_MS;
      draw();
    }
  });
  on(mine, "control", event => {
    changes++;
    showControls(parse(event.data));
  });
  // The numbers of another run of the server mean other pictures.
  mine.onopen = () => found.clear();
  mine.onerror = () => {
    found.clear();
    // Refused, as by a proxy whose server is gone, or by a server that has no room; a later question begins anew.
    if (mine.readyState === EventSource.CLOSED) setTimeout(() => { if (events === mine) events = null; }, AGAIN_MS);
  };
}

// The application's mistake, which is no reason to show less than the picture.
function wrong(error) {
  if (!warned) console.warn("data of a picture that cannot be drawn", error);
  warned = true;
}

function parse(text) {
  try { return JSON.parse(text); } catch (error) { wrong(error); return {}; }
}

function stopListening() {
  events?.close();
  events = null;
  found.clear();
}

// Waits for the data of a picture, but no longer than for the next picture. Where it waited in vain, the next does not wait.
function hold(sequence) {
  if (!prompt || waiting || found.has(sequence)) return null;
  return new Promise(done => {
    const release = () => {
      clearTimeout(timer);
      held = null;
      prompt = found.has(sequence);
      done();
    };
    const timer = setTimeout(release, HOLD_MS);
    held = { sequence, release };
  });
}

const entries = value => value && typeof value === "object" ? Object.entries(value) : [];
const placed = (shape, ...names) => names.every(name => Number.isFinite(shape?.[name]));
const short = value => typeof value === "number" ? Number(value.toPrecision(6)) : value ?? "–";

// Draws the data of a picture, whose corners are where `at` says; its texts stay upright.
function mark(all, at) {
  const of = name => all.flatMap(data => entries(data?.[name]));
  const size = Math.max(12, Math.round(canvas.height / 32));
  paper.font = `${size}px system-ui, sans-serif`;
  paper.textBaseline = "top";
  paper.lineWidth = Math.max(2, Math.round(canvas.height / 240));
  const write = (text, x, y) => {
    const width = paper.measureText(text).width + size / 2;
    x = Math.max(0, Math.min(x, canvas.width - width));
    paper.fillStyle = "#141619c0";
    paper.fillRect(x, y, width, 1.3 * size);
    paper.fillStyle = "#e8b84a";
    paper.fillText(text, x + size / 4, y + 0.15 * size);
  };
  paper.strokeStyle = "#e8b84a";
  for (const [, box] of of("boxes")) {
    if (!placed(box, "x", "y", "width", "height")) continue;
    const [[x1, y1], [x2, y2]] = [at(box.x, box.y), at(box.x + box.width, box.y + box.height)];
    const x = Math.min(x1, x2), y = Math.min(y1, y2);
    paper.strokeRect(x, y, Math.abs(x2 - x1), Math.abs(y2 - y1));
    const score = typeof box.score === "number" ? Math.round(100 * box.score) + " %" : "";
    const text = [box.label, score].filter(Boolean).join(" ");
    if (text) write(text, x, Math.max(0, y - 1.3 * size));
  }
  for (const [, label] of of("labels")) if (placed(label, "x", "y")) write(String(label.text), ...at(label.x, label.y));
  [...new Map(of("values"))].forEach(([name, value], index, values) => {
    write(`${name} ${short(value)}`, 0, canvas.height - 1.3 * size * (values.length - index));
  });
}


let offset = null, bestTrip = Infinity;   // the server's clock minus ours, in ms, from the quickest round trip
let painted = [];                         // when each picture was painted, its bytes, ms since the one before, latency in ms
let since = 0;                            // earlier ones are of another connection, or of a camera that was gone since
const HISTORY_MS = 10000;

function count(part) {
  const at = now(), before = painted.at(-1)?.at;
  // The first of a connection may have waited for us.
  const latency = offset === null || part.first ? null : Math.max(0, at + offset - 1000 * part.timestamp);
  painted.push({ at, bytes: part.body.length, interval: before > since ? at - before : 0, latency });
}

const lasting = (list, ms, time) => list.filter(({ at }, index) => time - at < ms || index >= list.length - 2);
const median = values => [...values].sort((a, b) => a - b)[values.length >> 1];

function showNumbers() {
  const time = now();
  painted = lasting(painted, HISTORY_MS, time);
  // Three seconds, or of a slow camera the last two pictures.
  const recent = lasting(painted.filter(({ at }) => at > since), 3000, time);
  const last = recent.at(-1)?.at, period = (last - recent[0]?.at) / (recent.length - 1);
  const fresh = time - last < Math.max(3000, 2 * period || 0);
  const latencies = recent.map(({ latency }) => latency).filter(latency => latency !== null);
  put($("fps"), fresh && period ? (1000 / period).toFixed(1) : "0.0");
  put($("latency"), fresh && latencies.length ? median(latencies).toFixed(0) : "–");
  put($("kbytes"), recent.length ? (median(recent.map(({ bytes }) => bytes)) / 1000).toFixed(1) : "–");
  showGraph(time);
  showStatus();
}

// The numbers of a connection that has ended mean nothing.
function showNothing() {
  since = now();
  for (const name of ["fps", "latency", "kbytes", "viewers"]) put($(name), "–");
}

// Bars for the time between pictures, a line for the latency; the scale is its highest value.
function showGraph(time) {
  const graph = $("graph"), pen = graph.getContext("2d"), colours = getComputedStyle(graph);
  const width = graph.width = graph.clientWidth * devicePixelRatio, height = graph.height = graph.clientHeight * devicePixelRatio;
  const top = Math.max(50, ...painted.flatMap(({ interval, latency }) => [interval, latency]));
  const x = at => width * (1 - (time - at) / HISTORY_MS), y = ms => height * (1 - ms / top);
  pen.fillStyle = colours.getPropertyValue("--bars");
  for (const { at, interval } of painted) pen.fillRect(x(at - interval), y(interval), Math.max(1, x(at) - x(at - interval) - 1), height);
  pen.beginPath();
  for (const { at, latency } of painted) if (latency !== null) pen.lineTo(x(at), y(latency));
  pen.lineWidth = 1.5 * devicePixelRatio;
  pen.strokeStyle = colours.getPropertyValue("--brass");
  pen.stroke();
  pen.fillStyle = colours.color;
  pen.font = `${10 * devicePixelRatio}px system-ui, sans-serif`;
  pen.fillText(`${Math.round(top)} ms`, 2, 10 * devicePixelRatio);
}


const now = () => performance.timeOrigin + performance.now();
let shown = null;                         // the painted picture: its pixels, bytes, number, and when it was painted
let paused = false, pip = null;           // the video of picture in picture, while there is one

// The picture as this viewer wants it, and on it what belongs to it.
function draw() {
  if (!shown) return;
  const { bitmap } = shown;
  const { width, height } = bitmap, [a, b, c, d, e, f] = turning(width, height);
  const size = a ? [width, height] : [height, width];
  if (canvas.width !== size[0] || canvas.height !== size[1]) {
    [canvas.width, canvas.height] = size;
    place();
  }
  paper.setTransform(a, b, c, d, e, f);
  paper.drawImage(bitmap, 0, 0);
  paper.resetTransform();
  const all = found.get(shown.sequence);
  try {
    if (all) mark(all, (x, y) => [a * x + c * y + e, b * x + d * y + f]);
  } catch (error) {
    wrong(error);
  }
  // Picture in picture shows nothing else of the page, so an old picture says itself that it is one.
  const { className, textContent } = $("status");
  if (!pip || className === "live" || live === false) return;
  paper.fillStyle = "#141619c0";
  paper.fillRect(0, 0, ...size);
  paper.fillStyle = "#e8b84a";
  paper.font = `${size[1] / 12}px system-ui, sans-serif`;
  paper.fillText(textContent.split(":")[0], size[0] / 20, size[1] / 2, 0.9 * size[0]);
}

let decoding = false, waiting = null;
async function paint(part) {
  if (decoding) {                                  // the newest wins here too
    waiting = part;
    held?.release();
    return;
  }
  decoding = true;
  try {
    const bitmap = await createImageBitmap(new Blob([part.body], { type: "image/jpeg" }));
    const number = Number(part.sequence);
    if (events) await hold(number);
    if (paused) {
      bitmap.close();
    } else {
      shown?.bitmap.close();
      shown = { bitmap, jpeg: part.body, live: part.live, sequence: number, at: performance.now(), date: new Date() };
      draw();
      if (part.live) count(part);
    }
  } catch (error) {
    console.warn("a picture that cannot be decoded", error);
  }
  decoding = false;
  if (waiting) { const next = waiting; waiting = null; paint(next); }
}


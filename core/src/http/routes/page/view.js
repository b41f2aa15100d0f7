// What this viewer alone has chosen: mirrored, turned, zoomed. A browser may refuse to keep it; that is no error.
const kept = name => { try { return JSON.parse(localStorage.getItem("eyelet." + name)); } catch { return null; } };
const keep = (name, value) => { try { localStorage.setItem("eyelet." + name, JSON.stringify(value)); } catch {} };

const stage = $("stage"), canvas = $("picture"), paper = canvas.getContext("2d", { alpha: false });
const turned = kept("turned" + base) || {};      // `angle` clockwise, and then `mirrored`, as seen
turned.angle = [90, 180, 270].find(angle => angle === turned.angle) || 0;
const view = { scale: null, x: 0, y: 0 };  // CSS pixels of a pixel of the picture, null to fit; where its corner is

// From pixels of a picture to pixels of the canvas, as six numbers of a matrix.
function turning(width, height) {
  let [a, b] = { 0: [1, 0], 90: [0, 1], 180: [-1, 0], 270: [0, -1] }[turned.angle];
  let c = -b;
  const d = a;
  if (turned.mirrored) [a, c] = [-a, -c];
  const shift = (x, y) => (x < 0 ? width : 0) + (y < 0 ? height : 0);
  return [a, b, c, d, shift(a, c), shift(b, d)];
}

const fitting = () => Math.min(stage.clientWidth / canvas.width, stage.clientHeight / canvas.height);
const exact = () => 1 / devicePixelRatio;

// Puts the canvas where the view has it, and no empty space where there could be picture.
function place() {
  const scale = view.scale || fitting();
  const free = [stage.clientWidth - scale * canvas.width, stage.clientHeight - scale * canvas.height];
  const [x, y] = free.map((room, axis) => room >= 0 || !view.scale ? room / 2 : Math.min(0, Math.max(room, axis ? view.y : view.x)));
  Object.assign(view, { x, y });
  canvas.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
  canvas.classList.toggle("pixels", scale * devicePixelRatio >= 3);
  press("fit", !view.scale);
  press("exact", Math.abs(scale - exact()) < 0.001);
}

// Zooms about a point of the stage, by default its centre.
function zoom(scale, x = stage.clientWidth / 2, y = stage.clientHeight / 2) {
  const before = view.scale || fitting(), fit = fitting();
  scale = Math.max(Math.min(fit, exact()), Math.min(scale, 16 * Math.max(fit, exact())));
  view.x = x - (x - view.x) * scale / before;
  view.y = y - (y - view.y) * scale / before;
  view.scale = Math.abs(scale / fit - 1) < 0.01 ? null : scale;
  place();
}

const zoomBy = (factor, ...point) => zoom((view.scale || fitting()) * factor, ...point);

function pan(x, y) {
  view.x += x;
  view.y += y;
  place();
}

// Pointers on the stage, by their numbers: one pans, two pinch.
const pointers = new Map();
const inStage = event => {
  const { left, top } = stage.getBoundingClientRect();
  return [event.clientX - left, event.clientY - top];
};
const middle = points => [0, 1].map(axis => points.reduce((sum, point) => sum + point[axis], 0) / points.length);
const apart = ([a, b]) => b ? Math.hypot(a[0] - b[0], a[1] - b[1]) : 0;

on(stage, "pointerdown", event => {
  pointers.set(event.pointerId, inStage(event));
  stage.setPointerCapture(event.pointerId);
});
on(stage, "pointermove", event => {
  // A menu may have kept the release from the page.
  if (!event.buttons) pointers.delete(event.pointerId);
  if (!pointers.has(event.pointerId)) return;
  const before = [...pointers.values()];
  pointers.set(event.pointerId, inStage(event));
  if (pointers.size > 2) return;
  const after = [...pointers.values()], [x, y] = middle(after), [fromX, fromY] = middle(before);
  if (apart(before) > 0) zoomBy(apart(after) / apart(before), x, y);
  if (view.scale) pan(x - fromX, y - fromY);
});
for (const end of ["pointerup", "pointercancel"]) on(stage, end, event => pointers.delete(event.pointerId));
on(stage, "wheel", event => {
  event.preventDefault();
  zoomBy(Math.exp(-event.deltaY * [0.002, 0.05, 1][event.deltaMode]), ...inStage(event));
}, { passive: false });
on(stage, "dblclick", event => view.scale ? zoom(fitting()) : zoom(Math.max(exact(), 2 * fitting()), ...inStage(event)));
new ResizeObserver(place).observe(stage);


// Settings: what /control lists, as fields. A change is sent at most every 150 ms, and what others change arrives by /events.
const SEND_MS = 150;
const ANSWER_MS = 15000;         // a camera may need some seconds for a change
const form = $("controls");
let allowed = null;                       // whether the server accepts changes, as /state says; null: unknown
let fields = new Map();                   // by name
let pending = new Map(), sent = new Map(), timer = null;

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const words = name => (name[0].toUpperCase() + name.slice(1)).replace(/_/g, " ");

function showControls({ controls }) {
  if (!Array.isArray(controls)) return;
  if (!fields.size) put($("failed"), "");
  // What is the same stays where it is, with the focus and the finger on it, whatever comes and goes beside it.
  const before = fields;
  fields = new Map(controls.map(({ value, inactive, ...control }) => {
    const old = before.get(control.name), shape = JSON.stringify(control);
    return [control.name, old?.shape === shape ? old : field(control, shape)];
  }).filter(([, made]) => made));
  const rows = [...fields.values()].map(one => one.row);
  for (const row of form.querySelectorAll(".field")) if (!rows.includes(row)) row.remove();
  rows.forEach((row, index) => { if (form.children[index] !== row) form.insertBefore(row, form.children[index]); });
  form.hidden = !fields.size;
  for (const control of controls) fields.get(control.name)?.update(control);
}

$("reset").onclick = () => { for (const one of fields.values()) one.reset(); };

// A control's row, and how it follows the server.
function field(control, shape) {
  const { name, type } = control, id = "control-" + name;
  const label = (control.label || words(name)) + (control.unit ? ` (${control.unit})` : "");
  const problem = element("p", { id: id + "-problem", className: "bad" });
  problem.setAttribute("role", "alert");
  let inputs, write, busy = false, newest;
  const ours = () => busy || pending.has(name) || sent.has(name);
  const update = (control = newest) => {
    newest = control;
    for (const input of inputs) input.disabled = Boolean(control.inactive || control.read_only);
    // Not the one that is moved, nor what is on its way to the server.
    if (ours() || control.value === shownValue && problem.textContent) return;
    shownValue = control.value;
    complain("");
    write(control.value);
  };
  const release = () => { busy = false; update(); };
  const change = value => {
    complain("");
    if (value === null) return complain("a number is missing; type one");
    pending.set(name, value);
    timer ||= setTimeout(send, SEND_MS);
  };
  const complain = text => {
    put(problem, text);
    for (const input of inputs) input.setAttribute("aria-invalid", Boolean(text));
  };
  let head = element("label", { htmlFor: id }, label), shownValue;
  if (type === "boolean") {
    const box = element("input", { id, type: "checkbox" });
    box.onchange = () => change(box.checked);
    [inputs, write] = [[box], value => { box.checked = value; }];
  } else if (type === "menu") {
    const select = element("select", { id }, ...control.choices.map(choice => element("option", {}, choice.label ?? choice.value)));
    select.onchange = () => change(control.choices[select.selectedIndex].value);
    [inputs, write] = [[select], value => { select.selectedIndex = control.choices.findIndex(choice => choice.value === value); }];
  } else if (type === "button") {
    const button = element("button", { id, type: "button" }, label);
    button.onclick = () => change(true);
    [inputs, write, head] = [[button], () => {}, ""];
  } else if (type === "integer" || type === "number") {
    const limits = { min: control.min ?? "", max: control.max ?? "", step: control.step ?? (type === "integer" ? 1 : "any") };
    const box = element("input", { id, type: "number", ...limits });
    const read = () => box.value === "" ? null : Number(box.value);
    inputs = [box];
    box.oninput = () => { busy = true; };
    box.onchange = () => { busy = false; change(read()); };
    box.onblur = release;                          // no change, where the text is as before
    if (control.min !== undefined && control.max !== undefined) {
      const slider = element("input", { type: "range", ...limits });
      slider.setAttribute("aria-label", label);
      slider.onpointerdown = () => { busy = true; };
      // Let go, it gets its last place only afterwards.
      slider.onpointerup = slider.onpointercancel = slider.onblur = () => setTimeout(release);
      // Of an integer each digit counts: it may be a mask of bits.
      slider.oninput = () => { box.value = type === "integer" ? slider.value : short(Number(slider.value)); };
      // Another rate may start the camera anew, which would end the moving.
      on(slider, name === "fps" ? "change" : "input", () => change(read()));
      on(box, "change", () => { slider.value = box.value; });
      inputs.unshift(slider);
    }
    write = value => { for (const input of inputs) input.value = value; };
  } else {
    return null;
  }
  for (const input of inputs) input.setAttribute("aria-describedby", problem.id);
  const row = element("div", { className: "field " + type }, head, ...inputs, problem);
  return {
    row, shape, complain, update,
    reset() {
      const { value } = newest;
      if (control.default === undefined || inputs[0].disabled || value === control.default && !problem.textContent && !ours()) return;
      write(control.default);
      change(control.default);
    },
  };
}

async function send() {
  timer = null;
  if (sent.size || !pending.size) return;
  [sent, pending] = [pending, new Map()];
  const body = JSON.stringify(Object.fromEntries(sent)), before = changes;
  let result = null;
  try {
    const headers = { "Content-Type": "application/json" };
    result = await (await ask("control", { method: "POST", headers, body, signal: deadline(ANSWER_MS) })).json();
    put($("failed"), "");
  } catch (error) {
    const errors = entries(error.errors).filter(([name]) => fields.has(name));
    for (const [name, text] of errors) fields.get(name).complain(text);
    // Of several changes nothing was made: those that were right are sent again.
    const wrong = errors.map(([name]) => name);
    if (errors.length) for (const [name, value] of sent) if (!wrong.includes(name) && !pending.has(name)) pending.set(name, value);
    const { status, message } = error;
    const remedy = /another site/.test(message) ? ". A proxy in between must pass on Host and Sec-Fetch-Site."
      : status === 503 ? ". Try again when the camera is live." : status ? "." : "; close other windows of this server, or try again.";
    // Without an answer nobody knows.
    put($("failed"), errors.length ? "" : (status ? "Not changed: " : "Perhaps not changed: ") + unended(message) + remedy);
    // Each request more makes the wait longer.
    status === 401 ? refused(error) : status === 429 || askControls();
  }
  sent = new Map();
  // What came by itself meanwhile is as new, or newer.
  if (result && changes === before) showControls(result);
  else for (const one of fields.values()) one.update();
  if (pending.size) timer ||= setTimeout(send, SEND_MS);
}

// Once the panel is open, and the server allows changes.
async function askControls() {
  $("closed").hidden = allowed !== false;
  if (!allowed) form.hidden = true;
  if (!allowed || $("panel").hidden) return;
  if (running) listen();
  try {
    const asked = await (await ask("control", { signal: deadline() })).json();
    // Events begin with the settings, and theirs are newer.
    if (!listening()) showControls(asked);
  } catch (error) {
    if (!fields.size) put($("failed"), `No settings: ${unended(error.message)}. ` + remedy(error.message, error.status ? "" : SERVER));
  }
}


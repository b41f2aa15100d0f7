const decoder = new TextDecoder("latin1");

// A refusal: to be retried later, or not at all.
class Refusal extends Error {
  constructor(response, text) {
    const { status, headers } = response;
    super(text.trim() || response.statusText || "HTTP " + status);
    this.status = status;
    this.final = [401, 403, 429].includes(status);
    this.after = 1000 * (Number(headers.get("Retry-After")) || 0);
    this.asksFor = headers.get("WWW-Authenticate") || "";
  }
}

// A message that goes on, whether or not it ended in a full stop.
const unended = text => text.replace(/\.+$/, "");

async function ask(name, options) {
  const response = await get(name, options).catch(noAnswer);
  if (response.ok) return response;
  // eyelet says why in plain text, or for each field; a proxy's error page is nothing to read out.
  const type = response.headers.get("Content-Type") || "";
  const refusal = new Refusal(response, /^text\/plain/i.test(type) ? await response.text() : "");
  if (/json/i.test(type)) refusal.errors = (await response.json()).errors;
  throw refusal;
}

// An <img> gets no event when its stream ends, so the page reads the stream itself and paints a picture when its last
// byte is there. WebKit's fetch does not read multipart/x-mixed-replace; by this type it is the same bytes.
async function watch(onPicture, signal) {
  const response = await ask("stream", { signal, headers: { Accept: "application/octet-stream" } });
  const reader = response.body.getReader();
  let buffer = new Uint8Array(1 << 16), used = 0;
  while (true) {
    const { done, value } = await reader.read().catch(noAnswer);
    if (done) throw new Error("the stream ended");
    onPicture.received();
    if (used + value.length > buffer.length) {
      const larger = new Uint8Array(2 * (used + value.length));
      larger.set(buffer.subarray(0, used));
      buffer = larger;
    }
    buffer.set(value, used);
    used += value.length;
    let start = 0;
    while (true) {
      const part = nextPart(buffer.subarray(start, used));
      if (!part) break;
      start += part.end;
      onPicture(part);
    }
    buffer.copyWithin(0, start, used);
    used -= start;
  }
}

// The part at the front of the bytes, once it is whole: its headers, its body, where it ends.
function nextPart(bytes) {
  const head = decoder.decode(bytes.subarray(0, 1024)), end = head.indexOf("\r\n\r\n");
  if (end < 0 && !head[1023]) return null;
  const field = name => RegExp(`^${name}: *(.*)`, "im").exec(head.slice(0, Math.max(0, end)))?.[1];
  const from = end + 4, to = from + Number(field("Content-Length"));
  if (isNaN(to)) throw new Error("a part has no length; a proxy in between must pass on Accept");
  if (to > bytes.length) return null;
  return { body: bytes.slice(from, to), timestamp: Number(field("X-Timestamp")), sequence: field("X-Sequence"),
    live: field("X-Signal") !== "none", end: to };
}


"use strict";
const $ = id => document.getElementById(id);
const SILENCE_MS = 5000;         // no byte for this long: the stream is dead, whatever the socket says

// All other addresses are beside the page's own, whatever path a proxy has put in front; a page is a directory, also
// where its address lacks the slash. With the origin, because fetch takes no address that is relative to one with a
// password in it. Where a token is wanted, it came in our own address, and every other address needs it too.
const base = location.origin + location.pathname.replace(/[^/]*\.html?$/, "").replace(/\/*$/, "/");
const [, token] = /[?&](token=[^&]*)/.exec(location.search) || [];
const address = (name, ...query) => {
  const all = [token, ...query].filter(Boolean).join("&");
  return base + name + (all && "?" + all);
};
if (token) for (const link of document.links) link.href = address(link.getAttribute("href"));

// A browser that asks for a password by itself would keep the refusal from us.
const get = (name, options) => fetch(address(name), { cache: "no-store", ...options, headers: { "X-Requested-With": "eyelet", ...options?.headers } });
const deadline = (ms = SILENCE_MS) => AbortSignal.timeout?.(ms);
// Each browser has other words for it.
const noAnswer = error => { throw error.name === "AbortError" ? error : new Error("the server did not answer"); };
const put = (element, text) => { if (element.textContent !== text) element.textContent = text; };
const on = (target, name, act, options) => target.addEventListener(name, act, options);


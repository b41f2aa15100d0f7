"""eyelet's page in front of a person: what is on it, and what a click on it does."""

import os
from pathlib import Path

from axe_core_python import __file__ as axe

from deadline import until

SIZES = {"phone": (360, 740), "laptop": (1366, 768), "4k": (3840, 2160)}
AXE = Path(axe).with_name("axe.min.js").read_text()


def unfinished(folder):
    """What a browser is still writing there."""
    return list(folder.glob("*.part")) + list(folder.glob("*.crdownload"))


class Page:
    def __init__(self, engine, url, ready="live"):
        self.engine, self.run, self.text = engine, engine.run, engine.text
        engine.open(url)
        until(lambda: engine.run("return document.getElementById('status') !== null"), url)
        self.until_status(ready)
        # What a script on a page does wrong nobody sees.
        self.run("window.faults = []; window.onerror = message => faults.push(message);"
                 "window.onunhandledrejection = event => faults.push(String(event.reason))")

    @property
    def status(self):
        return self.text("status") or ""

    def until_status(self, start, seconds=30):
        until(lambda: self.status.startswith(start), f"{start!r}", seconds)

    def until_note(self, part, seconds=30):
        return until(lambda: part in (self.text("note") or "") and self.text("note"), f"a note with {part!r}", seconds)

    def place(self, selector):
        """The middle of an element that is there, scrolled into view."""
        return until(lambda: self.run(
            f"const found = document.querySelector({selector!r}); if (!found || !found.getClientRects().length) return null;"
            "found.scrollIntoView({ block: 'nearest' });"
            "const { left, top, width, height } = found.getBoundingClientRect(); return [left + width / 2, top + height / 2]"),
            f"{selector} is shown")

    def click(self, selector):
        self.engine.click(*self.place(selector))

    def tool(self, name):
        self.click(f"#do-{name}")

    def pressed(self, name):
        return self.run(f"return document.getElementById('do-{name}').getAttribute('aria-pressed') === 'true'")

    def value(self, selector):
        return self.run(f"return document.querySelector({selector!r})?.value")

    def faults(self):
        return self.run("return window.faults")

    def downloaded(self, suffix, before=()):
        """The file that the browser has saved since, whole."""
        folder = self.engine.downloads
        return until(lambda: next((file for file in sorted(folder.glob("*" + suffix)) if file not in before
                                   and file.stat().st_size and not unfinished(folder)),
                                  None), f"a {suffix} in {folder}")

    def shot(self, artifacts, name):
        """Keeps a picture of the page for a person to look at."""
        folder = Path(os.environ.get("EYELET_SCREENSHOTS") or artifacts / "pages")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}-{self.engine.name}.png").write_bytes(self.engine.png())

    def findings(self):
        """What axe finds, of those findings that keep somebody from using the page."""
        if self.run("return typeof axe") != "object":
            self.run(AXE + "; return null")
        self.run("window.axes = null; axe.run().then(result => { axes = result }, error => { axes = { error: String(error) } })")
        found = until(lambda: self.run("return axes && { error: axes.error, passes: axes.passes?.length, violations: axes.violations }"),
                      "axe's result", 60)
        assert not found.get("error") and found["passes"] > 10, found
        return [(one["id"], one["impact"], [node["html"][:120] for node in one["nodes"]])
                for one in found["violations"] if one["impact"] in ("serious", "critical")]

    def misfits(self):
        """What is too small for a finger, outside the window, or without a border that can be seen."""
        return self.run("""
            const faults = [];
            const luminance = colour => colour.match(/[\\d.]+/g).slice(0, 3)
              .map(part => part / 255).map(part => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
              .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
            // What is behind an element without a colour of its own.
            const background = one => {
              const { backgroundColor } = getComputedStyle(one);
              return one.parentElement && /, 0\\)$/.test(backgroundColor) ? background(one.parentElement) : backgroundColor;
            };
            if (document.documentElement.scrollWidth > innerWidth) faults.push("the page is wider than the window");
            for (const one of document.querySelectorAll("button, a, input, select, label.check")) {
              const { left, right, width, height } = one.getBoundingClientRect();
              if (!width || one.type === "checkbox") continue;
              const tall = one.tagName === "A" ? one.getClientRects()[0].height : height;
              if (left < -1 || right > innerWidth + 1) faults.push(one.outerHTML.slice(0, 80) + " is outside");
              // Its bounds are seen, by those too who see little contrast.
              const { borderTopColor, borderTopWidth } = getComputedStyle(one);
              if (borderTopWidth !== "0px" && /text|number|password|select|button|submit/.test(one.type)) {
                const [light, dark] = [background(one), borderTopColor].map(luminance).sort((a, b) => b - a), contrast = (light + 0.05) / (dark + 0.05);
                if (contrast < 3) faults.push(one.outerHTML.slice(0, 80) + ` has a border of ${contrast.toFixed(1)}:1`);
              }
              if (one.tagName !== "A" && (width < 40 || height < 40)) faults.push(one.outerHTML.slice(0, 80) + ` is ${width} x ${height}`);
            }
            return faults;
        """)

"""Chromium, Firefox and WebKit behind one small interface."""

import base64
import copy
import glob
import json
import os
import re
import shutil
import subprocess
import threading
from contextlib import contextmanager

import cv2
import numpy
import websocket
from selenium import webdriver
from selenium.common.exceptions import NoSuchFrameException
from selenium.webdriver.remote.command import Command

from deadline import until

NAMES = ("chromium", "firefox", "webkit")


class Engine:
    """A browser without a window of its own, with a new profile."""

    def open(self, url):
        """Goes to an address, and does not wait until all is there: a stream opened as a page never ends to load."""
        raise NotImplementedError

    def leave(self):
        """Leaves the page, so that no stream goes on, and keeps nothing of it: another server may get its port."""
        self.run("try { localStorage.clear() } catch {}")
        self.open("about:blank")

    def run(self, script):
        """What a function with this body returns in the page; None while there is no page to run it in."""
        raise NotImplementedError

    def resize(self, width, height):
        raise NotImplementedError

    def act(self, *actions):
        """Does what a person does with keys, pointers and wheels: the action sequences of WebDriver, which all engines share."""
        raise NotImplementedError

    def press(self, *keys):
        self.act({"type": "key", "id": "keys", "actions": [
            {"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]})

    def click(self, x, y, times=1):
        self.act({"type": "pointer", "id": "mouse", "actions": [
            {"type": "pointerMove", "x": round(x), "y": round(y)},
            *times * [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]]})

    def another(self):
        """Another window of this browser, as an engine, until the end of `with`; both are in view."""
        raise NotImplementedError

    def links(self, name):
        """How many links have this name for those who do not see them, as the engine computes it."""
        raise NotImplementedError

    def png(self):
        """What the page looks like, as a PNG."""
        raise NotImplementedError

    def quit(self):
        raise NotImplementedError

    def pixels(self):
        return cv2.imdecode(numpy.frombuffer(self.png(), numpy.uint8), cv2.IMREAD_COLOR)

    def text(self, identity):
        return self.run(f"const found = document.getElementById({identity!r}); return found && found.textContent")


class Arriving:
    """A driver whose `get` is over when the page before is gone, and does not wait until the new one is loaded.

    Chromium forgets a navigation that begins before the one before it has arrived.
    """

    def get(self, url):
        self.execute_script("document.left = true")
        super().get(url)

        def gone():
            try:
                return self.execute_script("return !document.left")
            except NoSuchFrameException:
                return False  # WebKit, between two pages

        until(gone, f"the way to {url}")


class Chrome(Arriving, webdriver.Chrome):
    pass


class WebKitGTK(Arriving, webdriver.WebKitGTK):
    pass


class Driven(Engine):
    """By a WebDriver server, through Selenium."""

    def __init__(self, driver):
        self.driver = driver
        self._window = None  # its handle, while there are two
        driver.set_script_timeout(20)

    def _turn(self):
        if self._window:
            self.driver.switch_to.window(self._window)

    @contextmanager
    def another(self):
        self._window = self.driver.current_window_handle
        self.driver.switch_to.new_window("window")
        other = copy.copy(self)
        other._window = self.driver.current_window_handle
        try:
            yield other
        finally:
            other._turn()
            self.driver.close()
            self._turn()
            self._window = None

    def open(self, url):
        self._turn()
        self.driver.get(url)

    def run(self, script):
        self._turn()
        try:
            return self.driver.execute_script(script)
        except NoSuchFrameException:
            return None  # WebKit, of a page that goes while it runs

    def resize(self, width, height):
        self.driver.set_window_size(width, height)

    def act(self, *actions):
        self._turn()
        self.driver.execute(Command.W3C_ACTIONS, {"actions": list(actions)})

    def links(self, name):
        self._turn()
        return sum(link.accessible_name == name for link in self.driver.find_elements("css selector", "a"))

    def png(self):
        return self.driver.get_screenshot_as_png()

    def quit(self):
        self.driver.quit()


class Chromium(Driven):
    def __init__(self, driver, downloads):
        super().__init__(driver)
        self.downloads = downloads
        self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(downloads))

    def call(self, method, **parameters):
        """A call of its own protocol."""
        return self.driver.execute_cdp_cmd(method, parameters)

    def resize(self, width, height):
        # A window cannot be as narrow as a phone.
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def prefer(self, **features):
        """What the person prefers: `color_scheme="dark"`, `reduced_motion="reduce"`."""
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-" + name.replace("_", "-"), "value": value} for name, value in features.items()])


def chromium(folder):
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    options.page_load_strategy = "none"
    for flag in (
        "--headless", "--window-size=1024,900", f"--user-data-dir={folder / 'profile'}",
        # The sandbox refuses to run as root; only our own pages are opened.
        "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-quic",
        # No visits to anyone but us.
        "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ):
        options.add_argument(flag)
    service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
    downloads = folder / "downloads"
    downloads.mkdir()
    return Chromium(Chrome(options=options, service=service), downloads)


class WebKit(Driven):
    """Debian's WebKitGTK in its smallest browser, on a screen of its own: it has no mode without one."""

    def __init__(self, folder):
        reading, writing = os.pipe()
        self._screen = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1200x1000x24", "-nolisten", "tcp"],
            pass_fds=[writing], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(writing)
        try:
            with os.fdopen(reading) as numbers:
                display = numbers.readline().strip()
            assert display, "Xvfb does not start"
            options = webdriver.WebKitGTKOptions()
            options.binary_location = glob.glob("/usr/lib/*/webkit2gtk-4.*/MiniBrowser")[-1]
            options.page_load_strategy = "none"
            options.add_argument("--automation")
            surroundings = {
                **os.environ, "DISPLAY": f":{display}", "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder),
                "LIBGL_ALWAYS_SOFTWARE": "1", "WEBKIT_DISABLE_DMABUF_RENDERER": "1", "NO_AT_BRIDGE": "1",
                # It would start a bus and leave it behind.
                "DBUS_SESSION_BUS_ADDRESS": "disabled:", "GSETTINGS_BACKEND": "memory",
            }
            service = webdriver.WebKitGTKService(executable_path=shutil.which("WebKitWebDriver"), env=surroundings)
            super().__init__(WebKitGTK(options=options, service=service))
        except BaseException:
            self._end_screen()
            raise
        self.resize(1024, 900)

    def png(self):
        # It waits for the next time that something is drawn, on a page that stands still for ever.
        self.run(
            "const style = document.documentElement.style;"
            "window.drawn = setInterval(() => style.opacity = style.opacity === '1' ? '0.9999' : '1', 50)")
        try:
            return super().png()
        finally:
            self.run("clearInterval(window.drawn); document.documentElement.style.opacity = ''")

    def quit(self):
        try:
            super().quit()
        finally:
            self._end_screen()

    def _end_screen(self):
        self._screen.terminate()
        self._screen.wait(10)


class Firefox(Engine):
    """Driven by WebDriver BiDi, which it speaks itself: Debian has no server in between for it."""

    def __init__(self, folder):
        profile, self.downloads = folder / "profile", folder / "downloads"
        profile.mkdir()
        self.downloads.mkdir()
        # Files are saved there without a question; and a page is light, as no switch at run time can make it.
        preferences = {"browser.download.folderList": 2, "browser.download.dir": str(self.downloads),
                       "browser.download.alwaysOpenPanel": False, "layout.css.prefers-color-scheme.content-override": 1}
        (profile / "user.js").write_text("".join(
            f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items()))
        self._process = subprocess.Popen(
            ["firefox-esr", "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "HOME": str(folder), "MOZ_CRASHREPORTER_DISABLE": "1"})
        self._count = 0
        try:
            address = next(
                (found[1] for line in self._process.stderr if (found := re.search(r"listening on (ws://\S+)", line))), None)
            assert address, "Firefox ended without an address to drive it by"
            # It would stand still with a full pipe.
            threading.Thread(target=self._process.stderr.read, daemon=True).start()
            self._socket = websocket.create_connection(f"{address}/session", timeout=60, suppress_origin=True)
            self._call("session.new", capabilities={})
            # A window of its own: the one that it begins with never has the focus.
            self._context = self._call("browsingContext.create", type="window")["context"]
            self.resize(1024, 900)
        except BaseException:
            self.quit()
            raise

    def _call(self, method, **parameters):
        self._count += 1
        self._socket.send(json.dumps({"id": self._count, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") == self._count:
                if answer["type"] == "error":
                    raise RuntimeError(f"{method}: {answer['error']}: {answer['message']}")
                return answer["result"]

    @contextmanager
    def another(self):
        other = copy.copy(self)
        other._context = self._call("browsingContext.create", type="window")["context"]
        try:
            yield other
        finally:
            other._call("browsingContext.close", context=other._context)

    def open(self, url):
        # In a tab of its own: one that has shown another page does not get the focus back.
        before = self._context
        self._context = self._call("browsingContext.create", type="tab", referenceContext=before)["context"]
        self._call("browsingContext.close", context=before)
        self.resize(*self._size)
        self._call("browsingContext.navigate", context=self._context, url=url, wait="none")

    def run(self, script):
        answer = self._call(
            "script.evaluate", expression=f"JSON.stringify((() => {{ {script} }})() ?? null)", awaitPromise=False,
            target={"context": self._context})
        assert answer["type"] == "success", answer
        return json.loads(answer["result"]["value"])

    def act(self, *actions):
        self._call("input.performActions", context=self._context, actions=list(actions))

    def resize(self, width, height):
        self._size = width, height
        self._call(
            "browsingContext.setViewport", context=self._context, viewport={"width": width, "height": height},
            devicePixelRatio=1)

    def links(self, name):
        locator = {"type": "accessibility", "value": {"role": "link", "name": name}}
        return len(self._call("browsingContext.locateNodes", context=self._context, locator=locator)["nodes"])

    def png(self):
        def capture():
            try:
                return self._call("browsingContext.captureScreenshot", context=self._context)["data"]
            except RuntimeError as error:
                if "Unable to capture" in str(error):
                    return None  # while one page gives way to another
                raise

        return base64.b64decode(until(capture, "a screenshot"))

    def quit(self):
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def start(name, folder):
    """The engine of this name, with whatever it writes in `folder`."""
    engine = {"chromium": chromium, "firefox": Firefox, "webkit": WebKit}[name](folder)
    engine.name = name
    return engine

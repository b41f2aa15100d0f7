"""Two cameras of one server: their routes, and the page of both."""

import re
import signal

import cv2
import numpy
import requests

from deadline import until
from page import SIZES, Page
from stream import Stream
from test_browser import open_page, seen


def test_page_of_two_cameras_shows_both_and_leads_to_each(serve, browser, artifacts):
    server = serve("--camera", "front=sim", "--camera", "back=sim", "--fps", "10")
    for name in "front", "back":
        open_page(browser, server.url, f"a[href='{name}/'] img")
        until(lambda: len(seen(browser)) >= 3, f"three pictures of {name}")
    browser.save_screenshot(str(artifacts / "cameras.png"))
    browser.find_element("css selector", "a[href='back/']").click()
    until(lambda: browser.current_url == server.url + "back/", "the page of one")
    open_page(browser, browser.current_url, "canvas")
    until(lambda: len(seen(browser)) >= 3, "three pictures on its page")


def test_page_of_two_cameras_links_to_each_by_its_name(serve, engine):
    page = Page(engine, serve(*TWO).url, "")
    assert [engine.links(name) for name in ("front", "back", "state")] == [1, 1, 1]
    # It stays the name, whatever the camera has to say.
    page.run("say(cameras[0], 'no signal')")
    assert engine.links("front") == 1


def test_page_of_two_cameras_has_room_for_the_others_beside_a_tall_one(serve, engine, tmp_path):
    cv2.imwrite(str(tmp_path / "tall.jpg"), numpy.zeros((2000, 100, 3), numpy.uint8))
    page = Page(engine, serve("--camera", f"tall=replay:{tmp_path}", "--camera", "back=sim", "--fps", "5").url, "")
    # WebKit's window is neither as small as a phone nor larger than its screen.
    own = [page.run("return [innerWidth, innerHeight]")] if engine.name == "webkit" else None
    for width, height in own or SIZES.values():
        if not own:
            engine.resize(width, height)
        until(lambda: page.run("return innerWidth") == width, "the size")
        until(lambda: page.run("return document.querySelector('main img').naturalHeight") == 2000, "its picture")
        tall, row = page.run("return ['main img', 'main a'].map(one => document.querySelector(one).clientHeight)")
        assert 200 < tall < height and row < height, (width, height, tall, row)


TWO = "--camera", "front=sim", "--camera", "back=sim", "--fps", "10"


def viewers(server):
    """Which cameras have viewers."""
    state = requests.get(server.url + "state", timeout=10).json()
    return sorted(viewer["camera"] for viewer in state["viewers"])


def text(browser, selector):
    return browser.execute_script("return document.querySelector(arguments[0])?.textContent ?? ''", selector)


def test_page_of_two_cameras_reconnects_after_a_restart_of_the_server(serve, browser, free_port):
    address = f"127.0.0.1:{free_port}"
    server = serve(*TWO, bind=address)
    open_page(browser, server.url, "a[href='back/'] img")
    until(lambda: viewers(server) == ["back", "front"], "a viewer of each")
    server.stop(signal.SIGKILL)
    until(lambda: text(browser, "#status").startswith("reconnecting"), "the page says that the server is gone")
    browser.execute_script("window.seen = {}")
    server = serve(*TWO, bind=address)
    until(lambda: viewers(server) == ["back", "front"], "a viewer of each again")
    until(lambda: len(seen(browser)) >= 3, "three pictures of the new server")
    until(lambda: text(browser, "#status") == "", "nothing is wrong any more")


def test_picture_that_the_server_sends_to_nobody_is_requested_again(serve, browser):
    server = serve(*TWO)
    open_page(browser, server.url, "a[href='back/'] img")
    until(lambda: viewers(server) == ["back", "front"], "a viewer of each")
    browser.execute_script("document.querySelector(\"a[href='back/'] img\").removeAttribute('src')")
    until(lambda: viewers(server) == ["front"], "that of the back camera is gone")
    until(lambda: viewers(server) == ["back", "front"], "it is back")


def test_picture_that_ended_while_the_computer_slept_is_requested_again_though_others_watch(serve, browser):
    server = serve(*TWO)
    browser.get(server.url)
    until(lambda: viewers(server) == ["back", "front"], "a viewer of each")
    with Stream(server.url + "back/stream"):
        until(lambda: viewers(server) == ["back", "back", "front"], "another viewer")
        browser.execute_script("document.querySelector(\"a[href='back/'] img\").removeAttribute('src')")
        until(lambda: viewers(server) == ["back", "front"], "the page's own is gone")
        # As the clock is afterwards.
        browser.execute_script("const now = Date.now; Date.now = () => now() + 60000")
        until(lambda: browser.execute_script("return document.querySelectorAll('main img[src]').length") == 2, "requested again")


def test_page_of_two_cameras_pauses_while_it_is_hidden(serve, browser):
    server = serve(*TWO)
    open_page(browser, server.url, "a[href='back/'] img")
    until(lambda: len(viewers(server)) == 2, "two viewers")
    first = browser.current_window_handle
    browser.switch_to.new_window("tab")
    try:
        until(lambda: viewers(server) == [], "no viewer")
    finally:
        browser.close()
        browser.switch_to.window(first)
    until(lambda: viewers(server) == ["back", "front"], "it watches again")


def test_page_of_more_cameras_than_connections_says_so_and_asks_for_the_state(serve, browser):
    names = [f"cam{index}" for index in range(7)]
    server = serve("--fps", "5", "--size", "64x48", *(word for name in names for word in ("--camera", f"{name}=sim")))
    browser.get(server.url)
    until(lambda: viewers(server) == names[:5], "a viewer of each of five")
    for name in names[5:]:
        until(lambda: text(browser, f"a[href='{name}/'] b") == "open to view", f"what {name} says")
    browser.execute_script("window.states = performance.getEntriesByType('resource').filter(entry => entry.name.endsWith('/state')).length")
    until(lambda: browser.execute_script("return performance.getEntriesByType('resource').filter(entry => entry.name.endsWith('/state')).length > states"),
          "the state")
    until(lambda: text(browser, "#status") == "", "nothing is wrong")


def test_page_of_two_cameras_says_which_has_no_signal(serve, browser, artifacts):
    server = serve(*TWO, "--unplug-chance", "1")
    browser.get(server.url)
    for name in "front", "back":
        until(lambda: "no signal: " in text(browser, f"a[href='{name}/'] b"), f"that of {name}")
    assert browser.find_elements("css selector", "main a.lost")
    browser.save_screenshot(str(artifacts / "cameras-no-signal.png"))
    server = serve(*TWO)
    browser.get(server.url)
    until(lambda: len(viewers(server)) == 2, "two viewers")
    until(lambda: text(browser, "a[href='back/'] b") == "", "nothing is wrong with it")


def test_page_of_two_cameras_says_that_there_are_too_many_viewers(serve, browser):
    server = serve(*TWO, "--max-viewers", "1")
    browser.get(server.url)
    dark = lambda: [one for one in browser.find_elements("css selector", "main b") if "viewer limit" in one.text]  # noqa: E731
    until(dark, "it says so")
    assert len(dark()) == 1 and dark()[0].find_element("xpath", "..").get_attribute("role") == "status", "it is read out"
    browser.execute_script("const real = update; window.rounds = 0; window.before = again;"
                           "window.update = state => { rounds++; real(window.state = state); }")
    until(lambda: browser.execute_script("return rounds") >= 6, "six rounds of the page's clock")
    rounds, requested = browser.execute_script("return [rounds, again - before]")
    assert 1 <= requested <= -(-rounds // 5), "it asks again each time, or never"
    assert len(dark()) == 1, "it still says so"
    # After a restart the picture is requested at once, so that nothing is known yet.
    said = browser.execute_script("lost = true; update(state); return document.querySelector('main').textContent")
    assert "viewer limit" not in said


HIDDEN = "Object.defineProperty(document, 'hidden', { get: () => %s, configurable: true });"


def test_hidden_or_denied_page_of_two_cameras_requests_no_pictures(serve, chromium):
    server = serve(*TWO)
    browser = chromium.driver
    script = chromium.call("Page.addScriptToEvaluateOnNewDocument", source=HIDDEN % "true")
    changed = "document.dispatchEvent(new Event('visibilitychange'));"
    try:
        browser.get(server.url)
        until(lambda: browser.execute_script("return typeof settle") == "function", "the page")
        requested = "return document.querySelectorAll('main img[src]').length"
        assert browser.execute_script(requested) == 0, "opened in a hidden tab it streams"
        browser.execute_script(HIDDEN % "false" + changed)
        until(lambda: viewers(server) == ["back", "front"], "a viewer of each")
        # An answer that comes once the page is hidden.
        browser.execute_script("const real = window.fetch; window.fetch = async (...all) => { const response = await real(...all);"
                               + HIDDEN % "true" + changed + "lost = window.late = true; window.fetch = real; return response; }")
        until(lambda: browser.execute_script("return window.late && !asking"), "a late answer")
        assert browser.execute_script(requested) == 0, "hidden it streams again"
        # Requested when it is seen again, and not once more with the next state.
        browser.execute_script("const first = again, update = window.update; window.update = state => { update(state); window.requested ??= again - first; };"
                               + HIDDEN % "false" + changed)
        until(lambda: browser.execute_script("return window.requested") is not None, "a state")
        assert browser.execute_script("return window.requested") == 2
        until(lambda: viewers(server) == ["back", "front"], "a viewer of each again")
        for answer, wanted in [
            ("Promise.reject(new TypeError('no way'))", "reconnecting: the server did not answer; check that the server runs, and close other windows of it"),
            ("Promise.resolve(new Response('', { status: 429 }))", "too many attempts; wait a minute, then reload the page"),
        ]:
            browser.execute_script(f"window.fetch = () => {answer}")
            until(lambda: text(browser, "#status") == wanted, wanted)
        browser.execute_script(HIDDEN % "true" + changed)
        until(lambda: viewers(server) == [], "no viewer")
        browser.execute_script(HIDDEN % "false" + changed)
        assert browser.execute_script(requested) == 0, "what was denied is requested again"
    finally:
        chromium.call("Page.removeScriptToEvaluateOnNewDocument", **script)
        chromium.leave()


def test_page_of_two_cameras_behind_a_token_shows_both(serve, browser):
    server = serve(*TWO, "--token", "secret")
    url = re.sub(r"\?.*", "", server.url)
    browser.get(url + "?token=secret")

    def watched():
        state = requests.get(url + "state", headers={"Authorization": "Bearer secret"}, timeout=10).json()
        return sorted(viewer["camera"] for viewer in state["viewers"])

    until(lambda: watched() == ["back", "front"], "a viewer of each")


def test_each_of_two_cameras_has_its_routes_and_label(serve):
    server = serve("--camera", "front=sim", "--camera", "back=sim", "--fps", "10")
    for path in "front/stream", "back/stream", "?action=stream_1", "stream":
        with Stream(server.url + path) as stream:
            assert len([next(stream) for _ in range(3)]) == 3, path
    state = requests.get(server.url + "state", timeout=10).json()
    assert [camera["name"] for camera in state["cameras"]] == ["front", "back"]
    metrics = requests.get(server.url + "metrics", timeout=10).text
    for name in "front", "back":
        assert f'eyelet_stream_bytes_total{{camera="{name}"}} ' in metrics


def test_several_cameras_without_names_are_refused(run):
    for cameras, why in [
        (["sim", "back=sim"], "--camera sim has no name"),
        (["a=sim", "a=sim"], "two cameras are called a"),
    ]:
        program = run("serve", "--bind", "127.0.0.1:0", *(word for one in cameras for word in ("--camera", one)))
        assert program.wait() == 2, program
        assert why in program.lines["stderr"][0], program
    program = run("snapshot", "-", "--camera", "a=sim", "--camera", "b=sim")
    assert program.wait() == 2, program
    assert "only serve takes several cameras" in program.lines["stderr"][0], program

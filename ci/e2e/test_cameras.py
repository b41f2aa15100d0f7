"""Two cameras of one server: their routes, and the page of both."""

import requests

from deadline import until
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

"""Access control: a browser with a token, with a password, and with neither; and what other users of the machine see."""

import subprocess

import pytest

from deadline import until
from test_browser import MAIXPY_PAGE, open_page, seen

# "open sesame", by bcrypt with the smallest cost.
USERS = "ann:$2y$04$eaDPVypQQwI7LqH6IqUwZ.3oBGCC76URiH6CiX/sHjfUY/OmU0irK\n"


@pytest.fixture
def users(tmp_path):
    file = tmp_path / "users"
    file.write_text(USERS)
    file.chmod(0o600)
    return file


def test_page_opened_with_a_token_streams_with_it(serve, browser):
    server = serve("--fps", "10", "--token", "a+b/c=")
    open_page(browser, server.url + "?token=a+b/c=", "canvas#picture")
    until(lambda: len(seen(browser)) >= 10, "10 pictures on the page")
    until(lambda: browser.find_element("id", "viewers").text == "1", "#viewers shows 1")
    links = [link.get_attribute("href") for link in browser.find_elements("css selector", "nav a")]
    assert links and all(link.endswith("?token=a+b/c=") for link in links)


def body(browser):
    """The text of the page, once there is one."""
    return browser.execute_script("return document.body?.innerText") or ""


def test_browser_without_the_token_gets_401_with_the_reason(serve, browser):
    server = serve("--token", "right")
    browser.get(server.url + "?token=wrong")
    until(lambda: "add ?token=TOKEN" in body(browser), "the reason")
    assert "Wrong token" in browser.find_element("id", "why").text
    browser.get(server.url)
    until(lambda: "add ?token=TOKEN" in body(browser), "the reason")
    assert "Wrong token" not in browser.find_element("id", "why").text


def test_page_with_a_password_streams(serve, browser, users):
    server = serve("--fps", "10", "--auth-file", users)
    open_page(browser, server.url.replace("//", "//ann:open%20sesame@"), "canvas#picture")
    until(lambda: len(seen(browser)) >= 10, "10 pictures on the page")
    until(lambda: browser.find_element("id", "viewers").text == "1", "#viewers shows 1")


def test_img_with_a_password_streams(serve, browser, users, tmp_path):
    page = tmp_path / "maixpy.html"
    page.write_text(MAIXPY_PAGE)
    server = serve("--fps", "10", "--auth-file", users, "--html", page)
    open_page(browser, server.url.replace("//", "//ann:open%20sesame@"), "img")
    until(lambda: len(seen(browser)) >= 10, "10 pictures painted")


def test_secret_given_as_an_argument_is_shown_nowhere(serve, run):
    server = serve("--token", "hunter2", "--log", "debug", "--upload", "http://127.0.0.1:1/?key=hunter2")
    upload = run("upload", "http://me:hunter2@127.0.0.1:1/", "--insecure-credentials", "--log", "debug")
    until(lambda: upload.lines["stderr"], "it logs that the server does not answer")
    arguments = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    shown = [line for line in arguments.splitlines() if "eyelet-sim" in line]
    assert any("--token ***" in line for line in shown), shown
    state = subprocess.run(["curl", "-sS", server.url + "state?token=hunter2"], capture_output=True, text=True, check=True)
    assert '"upload": {' in state.stdout
    shown_anywhere = [*server.lines["stdout"], *server.lines["stderr"], *upload.lines["stderr"], state.stdout, *shown]
    assert not any("hunter2" in line for line in shown_anywhere), shown_anywhere

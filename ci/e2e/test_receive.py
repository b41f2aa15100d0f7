"""`receive`, the small upload server."""

import os
import socket
from select import select
from urllib.parse import urlsplit

import pytest
import requests

from deadline import until
from pictures import jpeg, png


def test_picture_posted_as_in_the_maixpy_document_is_stored(receive):
    picture = jpeg(1)
    answer = requests.post(receive.url, data=picture, timeout=10)
    print(answer.status_code, answer.text)
    assert answer.status_code == 200
    assert [file.read_bytes() for file in receive.folder.iterdir()] == [picture]


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_png_and_jpeg_by_post_and_put_are_stored(receive, method):
    for picture, suffix in ((jpeg(2), ".jpg"), (png(3), ".png")):
        assert requests.request(method, receive.url, data=picture, timeout=10).status_code == 200
        kept = {file.suffix: file.read_bytes() for file in receive.folder.iterdir()}
        assert kept[suffix] == picture


def test_many_pictures_over_one_connection_are_all_stored(receive):
    pictures = [jpeg(number) for number in range(20)]
    with requests.Session() as session:
        for picture in pictures:
            assert session.post(receive.url, data=picture, timeout=10).status_code == 200
    kept = [file.read_bytes() for file in sorted(receive.folder.iterdir())]
    assert sorted(kept) == sorted(pictures)


def test_upload_by_eyelet_is_stored(receive, run):
    upload = run("upload", receive.url, "--count", "5")
    assert upload.wait(40) == 0, upload
    assert len(list(receive.folder.iterdir())) == 5


@pytest.mark.parametrize("body", [
    b"", b"hello, this is no picture\n", b"GIF89a" + bytes(100),
    jpeg(4)[:-500], b"\xff\xd8\xff\xd9", png(5)[:40],
], ids=["nothing", "text", "gif", "cut jpeg", "empty jpeg", "cut png"])
def test_body_that_is_not_a_picture_is_refused(receive, body):
    answer = requests.post(receive.url, data=body, timeout=10)
    print(answer.status_code, answer.text)
    assert 400 <= answer.status_code < 500
    assert answer.text.strip() and "\n" not in answer.text.strip(), "one line says why"
    assert os.listdir(receive.folder) == []


def answer_while_sending(url, head, piece, total):
    """The status of a request that goes on sending until it is answered."""
    to = urlsplit(url)
    with socket.create_connection((to.hostname, to.port), timeout=10) as connection:
        connection.sendall(f"POST {to.path} HTTP/1.1\r\nHost: {to.netloc}\r\n{head}\r\n\r\n".encode())
        sent = 0
        try:
            while sent < total and not select([connection], [], [], 0)[0]:
                connection.sendall(piece)
                sent += len(piece)
        except OSError:
            pass  # Closed on us: the answer is still to be read.
        print(f"{sent} bytes sent")
        status = connection.recv(100).split(b"\r\n")[0]
        assert sent < total, "took it all"
        return int(status.split()[1])


def test_100_megabytes_announced_are_refused(receive):
    size = 100 << 20
    status = answer_while_sending(receive.url, f"Content-Length: {size}", bytes(1 << 16), size)
    assert status == 413
    assert os.listdir(receive.folder) == []


def test_100_megabytes_unannounced_are_refused(receive):
    # It begins as a picture, so only its length is wrong.
    piece = b"10000\r\n" + (b"\xff\xd8\xff\xe0" + bytes(65532)) + b"\r\n"
    status = answer_while_sending(receive.url, "Transfer-Encoding: chunked", piece, 100 << 20)
    assert status == 413
    assert os.listdir(receive.folder) == []


def test_upload_that_breaks_off_leaves_nothing(receive):
    to = urlsplit(receive.url)
    picture = jpeg(6)
    with socket.create_connection((to.hostname, to.port)) as connection:
        connection.sendall(f"POST {to.path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(picture)}\r\n\r\n".encode())
        connection.sendall(picture[: len(picture) // 2])
    # Still serving, and the folder holds the next picture only.
    whole = jpeg(7)
    assert requests.post(receive.url, data=whole, timeout=10).status_code == 200
    until(lambda: [file.read_bytes() for file in receive.folder.iterdir()] == [whole], "only the whole picture")


def test_other_paths_get_404_and_methods_405(receive):
    assert requests.get(receive.url, timeout=10).status_code == 405
    elsewhere = receive.url.removesuffix("upload") + "elsewhere"
    assert requests.post(elsewhere, data=jpeg(8), timeout=10).status_code == 404
    assert os.listdir(receive.folder) == []

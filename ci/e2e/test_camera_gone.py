"""A camera that is pulled out under a viewer, and put back."""

import pytest
import requests

from deadline import until
from pattern import sequence_of
from stream import Stream


def test_viewers_of_an_unplugged_camera_see_the_reason_and_stay(serve):
    server = serve("--fps", "15", "--unplug-after", "30")

    def health():
        return requests.get(server.url + "healthz", timeout=10)

    with Stream(server.url + "stream") as stream:
        # It is pulled out again every 30 frames: on a busy machine it may be back before all is asked.
        for _ in range(4):
            live = next(part for part in stream if sequence_of(part.jpeg) is not None)
            # The picture that says so is no frame of the camera, and has no number in its pixels.
            lost = next(part for part in stream if sequence_of(part.jpeg) is None)
            sick = health()
            state = requests.get(server.url + "state", timeout=10).json()
            back = next(part for part in stream if sequence_of(part.jpeg) is not None)
            assert live.sequence < lost.sequence < back.sequence
            if sick.status_code == 503 and state["source"]["connected"] is False:
                break
        else:
            pytest.fail("a camera that is gone is reported as well")
        assert sick.text.strip() and "\n" not in sick.text.strip(), "one line says why"
        until(lambda: health().status_code == 200, "healthz 200")

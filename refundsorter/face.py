"""The life of the HTTP face: begun when the daemon is ready, ended last, and never in the way of sorting.

What it imports costs more than the daemon's whole start, so it is imported on the face's own thread. An
address that is taken, or whatever else goes wrong, is logged and tried again ever more seldom.
"""

import os
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING

from refundsorter.assembly import Workshop
from refundsorter.core.fault import RefundsorterError
from refundsorter.core.retry import RetryPolicy
from refundsorter.core.token import KeysPort
from refundsorter.edges import listening
from refundsorter.edges.listening import Listening
from refundsorter.loops.intake import Intake
from refundsorter.settings_http import HttpSettings

if TYPE_CHECKING:
    from refundsorter.answers import Answers
    from refundsorter.api.ports import Bounds
    from refundsorter.api.serve import Serving

AGAIN = RetryPolicy(base_s=1.0, max_s=60.0)


class Face(threading.Thread):
    """Serves HTTP until it is stopped.

    Args:
        workshop: What is asked about.
        intakes: Its loops.
        keys: Who may ask.
    """

    def __init__(self, workshop: Workshop, intakes: Sequence[Intake], keys: KeysPort) -> None:
        super().__init__(name="http", daemon=True)
        self._workshop = workshop
        self._intakes = intakes
        self._keys = keys
        self._settings = workshop.settings.http
        self._log = workshop.log
        self._serving: Serving | None = None
        self._answers: Answers | None = None
        self._is_leaving = threading.Event()
        self._stopping = threading.Event()

    def run(self) -> None:
        """Serve; what goes wrong is told, and tried again."""
        attempts = 0
        while self._settings.enabled and not self._stopping.is_set():
            try:
                self._serve()
            except BaseException as trouble:  # noqa: BLE001 - whatever it is, SystemExit too: sorting goes on
                attempts += 1
                self._refused(trouble, again_s=AGAIN.delay_s(attempts))

    def leave(self) -> None:
        """Say from now on that the daemon is about to end, and go on answering."""
        self._is_leaving.set()

    def stop(self, patience_s: float) -> None:
        """End it, within so many seconds; a request that lasts longer is cut off with the process."""
        self._stopping.set()
        if self._serving is not None:
            self._serving.stop()
        if self.is_alive():
            self.join(max(0.0, patience_s))
        if self._answers is not None:
            self._answers.close()

    def _serve(self) -> None:
        from refundsorter.answers import Answers  # noqa: PLC0415 - see above
        from refundsorter.api.app import create_app  # noqa: PLC0415
        from refundsorter.api.serve import Serving, Tls  # noqa: PLC0415

        if self._answers is None:
            self._answers = Answers(
                self._workshop, self._intakes, self._keys, is_leaving=self._is_leaving.is_set
            )
        self._answers.clear()
        http = self._settings
        tls = Tls(http.tls_certificate, http.tls_key) if http.tls_certificate and http.tls_key else None
        app = create_app(self._answers.ports, bounds(http))
        serving = Serving(app, self._log, timeout_s=http.timeout_s, tls=tls)
        with self._bound() as bound:
            self._serving = serving
            address = self._address(http.port if http.unix_socket else bound.getsockname()[1])
            self._say(address, None)  # before the log: who waits for its line may look there at once
            self._log.info("http.listening", address=address)
            try:
                if not self._stopping.is_set():
                    serving.serve_on(bound)
            finally:
                if http.unix_socket:
                    http.unix_socket.unlink(missing_ok=True)

    def _bound(self) -> socket.socket:
        from refundsorter.api.serve import bind, bind_path  # noqa: PLC0415 - see above

        http = self._settings
        return bind_path(http.unix_socket) if http.unix_socket else bind(http.host, http.port)

    def _refused(self, trouble: BaseException, again_s: float) -> None:
        said = trouble.strerror if isinstance(trouble, OSError) else f"{type(trouble).__name__}: {trouble}"
        address = self._address(self._settings.port)
        self._log.error("http.refused", address=address, trouble=said, again_s=again_s)
        self._say(None, f"{address}: {said}")
        self._stopping.wait(again_s)

    def _say(self, address: str | None, refused: str | None) -> None:
        """Tell the commands; where the disk does not allow it now, the log has told it."""
        with suppress(RefundsorterError):
            found = Listening(pid=os.getpid(), address=address, refused=refused)
            listening.say(self._workshop.settings.state_dir, found)

    def _address(self, port: int) -> str:
        if self._settings.unix_socket:
            return f"unix:{self._settings.unix_socket}"
        host, scheme = self._settings.host, "https" if self._settings.tls_certificate else "http"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def bounds(http: HttpSettings) -> "Bounds":
    """What the settings say of who may ask, and how much."""
    from refundsorter.api.ports import Bounds  # noqa: PLC0415 - see above

    is_loopback = http.unix_socket is None and ip_address(http.host).is_loopback
    return Bounds(
        host=http.host,
        is_local=is_loopback and not http.behind_proxy,
        origins=http.cors_origins,
        max_requests=http.max_requests,
        max_body_bytes=http.max_body_bytes,
        timeout_s=http.timeout_s,
    )

"""The door: whether HTTP may be opened as the settings say, and by whom it may be passed."""

from ipaddress import ip_address
from pathlib import Path

from refundsorter.core.fault import ConfigurationInvalid
from refundsorter.edges import tokens
from refundsorter.edges.tokens import Keyring
from refundsorter.settings import Settings

FILE = "tokens.json"


def tokens_file(settings: Settings) -> Path:
    """Where the tokens are kept."""
    return settings.http.tokens_file or settings.state_dir / FILE


def keyring(settings: Settings) -> Keyring:
    """Who may pass.

    Raises:
        ConfigurationInvalid: The door would stand open to others than this machine's users.
        StartRefused: The tokens, the certificate or its key cannot be read.
        PassingTrouble: The disk does not allow it now.
    """
    path, http = tokens_file(settings), settings.http
    exposed = is_exposed(settings)
    if http.enabled:
        known = tokens.read(path)
        if exposed and not known:
            raise ConfigurationInvalid([_open_to_all(settings, path)])
        _require_certificate(settings)
    return Keyring(path, is_always_needed=exposed)


def is_exposed(settings: Settings) -> bool:
    """Whether others than users of this machine may knock."""
    http = settings.http
    return http.behind_proxy or (http.unix_socket is None and not ip_address(http.host).is_loopback)


def _open_to_all(settings: Settings, path: Path) -> str:
    http = settings.http
    why = "http.behind_proxy: found true" if http.behind_proxy else f"http.host: found '{http.host}'"
    return (
        f"{why}, and {path} has no tokens: whoever reaches the port could ask and do everything. "
        "Make one with `refundsorter token add NAME --role read`"
    )


def _require_certificate(settings: Settings) -> None:
    http = settings.http
    if not (http.tls_certificate and http.tls_key):
        return
    import ssl  # noqa: PLC0415 - a start without TLS does not wait for it

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            http.tls_certificate, http.tls_key, password=""
        )
    except ssl.SSLError as error:
        told = f"the key is not this certificate's, or one of the two is no PEM ({error.reason or error})"
        raise ConfigurationInvalid([_no_certificate(settings, told)]) from error
    except (OSError, ValueError) as error:
        told = getattr(error, "strerror", None) or str(error)
        raise ConfigurationInvalid([_no_certificate(settings, told)]) from error


def _no_certificate(settings: Settings, told: str) -> str:
    http = settings.http
    return f"http.tls_certificate, http.tls_key: {http.tls_certificate} and {http.tls_key}: {told}"

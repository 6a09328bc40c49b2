"""The TLS side of a destination: whom to believe, and our own certificate.

Reads files, and never the environment: SSL_CERT_FILE or REQUESTS_CA_BUNDLE must not change whom an
agent hands its key to.
"""

import ssl
from pathlib import Path

from agent.configuration.named_file import must_be_regular
from agent.configuration.types import Tls
from agent.http.errors import ClientError

HASHED_DIRECTORIES = (Path("/etc/ssl/certs"), Path("/etc/pki/tls/certs"))
"""Directories that OpenSSL looks one certificate up in: nothing is loaded before it is needed."""

BUNDLES = (
    Path("/etc/ssl/certs/ca-certificates.crt"),  # Debian
    Path("/etc/pki/tls/certs/ca-bundle.crt"),  # Red Hat
    Path("/etc/ssl/ca-bundle.pem"),  # SUSE
    Path("/etc/ssl/cert.pem"),  # Alpine
)


def tls_context(settings: Tls) -> ssl.SSLContext:
    """Return the context for these settings; raises `ClientError` naming the file that is wrong."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif settings.ca_file is not None:
        _load(context, settings.ca_file)
    else:
        _load_system(context)
    if settings.client_cert_file is not None:
        _load_own(context, settings.client_cert_file, settings.client_key_file)
    return context


def _load(context: ssl.SSLContext, path: Path) -> None:
    try:
        must_be_regular(path)
        context.load_verify_locations(cafile=path)
    except (OSError, ValueError) as error:
        raise ClientError(
            f"tls.ca_file{_named(path)}: {_words(error)}",
            "give a file of PEM certificates that the agent may read",
        ) from None


def _load_system(context: ssl.SSLContext) -> None:
    for directory in HASHED_DIRECTORIES:
        if any(directory.glob("[0-9a-f]*.0")):
            context.load_verify_locations(capath=directory)
            return
    for bundle in BUNDLES:
        if bundle.is_file():
            context.load_verify_locations(cafile=bundle)
            return
    import certifi

    context.load_verify_locations(cafile=certifi.where())


def _load_own(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    try:
        for path in filter(None, (certificate, key)):
            must_be_regular(path)
        # An encrypted key must fail here, not ask a terminal for its passphrase.
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        names = f"tls.client_cert_file{_named(certificate)}"
        names += f", tls.client_key_file{_named(key)}" if key else ""
        raise ClientError(f"{names}: {_words(error)}", "give PEM files without a passphrase") from None


def _named(path: Path) -> str:
    """Return the name of a file that is there; another may be a key that was written in a path's place."""
    return f" {path}" if path.exists() else ""


def _words(error: Exception) -> str:
    return getattr(error, "strerror", None) or getattr(error, "reason", None) or str(error)

"""What is alike in every destination that one URL, one client and at most one credential lead to.

The contract is `agent.delivery.destination`; what a request is and what its answer means is for each to say. No
credential is part of the identity or of any text.
"""

from collections.abc import Callable

from agent.configuration.types import DestinationSettings
from agent.http.client import HttpClient
from agent.http.credential import Credential
from agent.http.mask import mask_of, without_credentials
from collectors._sha256 import sha256_of

MakeClient = Callable[..., HttpClient]


class HttpDestination:
    """A base: derive, and post by `self._http`. `url` is where it leads to, however it was written."""

    def __init__(
        self,
        name: str,
        settings: DestinationSettings,
        url: str,
        credential: Credential | None = None,
        *,
        client: MakeClient = HttpClient,
    ) -> None:
        self.name = name
        self._url = url
        self._type = settings.type
        self._credential = credential
        self._mask = mask_of(url)
        self._http = client(
            tls=settings.tls, proxy=settings.proxy, no_proxy=settings.no_proxy, mask=self._mask
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self._mask(self._url)!r})"

    @property
    def identity(self) -> str:
        """Return what it is, whatever its name."""
        return sha256_of(f"{self._type} {without_credentials(self._url)}".encode()).hex()

    def credential_changed(self) -> bool:
        """Return whether the credential's file is another than the one last used."""
        return self._credential is not None and self._credential.has_changed()

    def cut_short(self, seconds: float) -> None:
        """Leave a request that is under way at most so many seconds more."""
        self._http.shorten(seconds)

    def close(self) -> None:
        """Close connections."""
        self._http.close()

"""The key of a destination: given as it is, or in a file that is read again when it changes."""

from pathlib import Path

from agent.configuration.types import Secret
from agent.destinations.destination import DestinationError


class Key:
    """Where the key comes from; it is never part of any text that this makes."""

    def __init__(self, value: Secret | None, file: Path | None) -> None:
        self._value = value
        self._file = file
        self._seen: tuple[int, ...] = ()
        self._read: str = ""

    def get(self) -> str:
        """Return the key as it stands now; raises `DestinationError` when there is none."""
        if self._file is None:
            if self._value is None:
                raise DestinationError("no API key is configured", "set api_key_file or api_key")
            return _checked(self._value.reveal(), "api_key")
        seen = self._signature()
        if seen != self._seen or not self._read:
            self._seen, self._read = seen, ""
            self._read = _checked(self._content(), f"the key file {self._file}")
        return self._read

    def has_changed(self) -> bool:
        """Return whether the key file is another than the one last read."""
        return self._file is not None and self._signature() != self._seen

    def _signature(self) -> tuple[int, ...]:
        assert self._file is not None  # noqa: S101 - both callers looked
        try:
            status = self._file.stat()
        except OSError:
            return ()
        return (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size)

    def _content(self) -> str:
        assert self._file is not None  # noqa: S101 - see above
        try:
            return self._file.read_text("ascii")
        except OSError as error:
            # Not its name: where there is no such file, a key may have been written in a path's place.
            raise DestinationError(
                f"the file that api_key_file names cannot be read: {error.strerror or type(error).__name__}",
                "make it, readable by the agent",
            ) from None
        except UnicodeDecodeError:
            raise DestinationError(
                f"the key file {self._file} holds something else than a key", "put the key alone into it"
            ) from None


def _checked(text: str, what: str) -> str:
    key = text.strip()
    if not key:
        raise DestinationError(f"{what} is empty", "put the key into it")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise DestinationError(f"{what} holds something else than a key", "put the key alone into it")
    return key

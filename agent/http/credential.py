"""A credential: given as it is, or in a file that is read again when it changes."""

from pathlib import Path

from agent.configuration.named_file import must_be_credential, read_named
from agent.configuration.types import Secret
from agent.http.errors import ClientError


class Credential:
    """Where a key or a token comes from; it is never part of any text that this makes.

    `what` is the word that operators know it by, `option` the configuration's key for it; the one for its file is
    `<option>_file`.
    """

    def __init__(
        self, value: Secret | None, file: Path | None, *, what: str = "key", option: str = "api_key"
    ) -> None:
        self._value = value
        self._file = file
        self._what = what
        self._option = option
        self._seen: tuple[int, ...] = ()
        self._read: str = ""

    def get(self) -> str:
        """Return the credential as it stands now; raises `ClientError` when there is none."""
        if self._file is None:
            if self._value is None:
                raise ClientError(
                    f"no {self._what} is configured", f"set {self._option}_file or {self._option}"
                )
            return self._checked(self._value.reveal(), self._option)
        seen = self._signature()
        if seen != self._seen or not self._read:
            self._seen, self._read = seen, ""
            self._read = self._checked(self._content(), f"the {self._what} file {self._file}")
        return self._read

    def has_changed(self) -> bool:
        """Return whether the file is another than the one last read."""
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
            return read_named(self._file).decode("ascii")
        except OSError as error:
            # Not its name: where there is no such file, a key may have been written in a path's place.
            raise ClientError(
                f"the file that {self._option}_file names cannot be read: {error.strerror or type(error).__name__}",
                "make it, readable by the agent",
            ) from None
        except UnicodeDecodeError:
            raise self._no_credential(f"the {self._what} file {self._file}") from None

    def _checked(self, text: str, where: str) -> str:
        credential = text.strip()
        if not credential:
            raise ClientError(f"{where} is empty", f"put the {self._what} into it")
        try:
            must_be_credential(credential)
        except ValueError:
            raise self._no_credential(where) from None
        return credential

    def _no_credential(self, where: str) -> ClientError:
        return ClientError(
            f"{where} holds something else than a {self._what}", f"put the {self._what} alone into it"
        )

"""A configuration in a directory of its own, and collectors made up for these tests."""

from types import SimpleNamespace

import msgspec
import pytest

from agent.configuration.load import load
from agent.configuration.problem import ConfigurationError
from collectors.collector import Duration, Registration


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    paths: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    settle: Duration = Duration(0.1)

    def __post_init__(self):
        for path in self.paths:
            if path == "/**":
                raise ValueError(f"{path!r} would watch the whole host")


class Nothing(msgspec.Struct, frozen=True, kw_only=True):
    pass


class Report(msgspec.Struct, frozen=True, kw_only=True):
    directory: str


REGISTRY = {
    "host": Registration(entry=Nothing, create=SimpleNamespace, default=Nothing()),
    "files": Registration(entry=Watch, create=SimpleNamespace, many=True),
    "puppet": Registration(entry=Report, create=SimpleNamespace),
}

COMPLETE = "destinations: {main: {url: 'https://sts.example.com/stsAgent', api_key: k}}\n"


class Written:
    """Files below one directory, and what loading them says."""

    def __init__(self, directory):
        self.directory = directory
        self.file = directory / "agent.yaml"

    def agent(self, text=COMPLETE):
        self.file.write_text(text)
        return self

    def application(self, name, text):
        (self.directory / "conf.d").mkdir(exist_ok=True)
        (self.directory / "conf.d" / name).write_text(text)
        return self

    def load(self, **keywords):
        keywords = {"environ": {}, "registry": REGISTRY, **keywords}
        return load(self.file, **keywords)

    def problems(self, **keywords):
        """Return what is wrong, without the directory's name."""
        with pytest.raises(ConfigurationError) as raised:
            self.load(**keywords)
        return [str(problem).replace(f"{self.directory}/", "") for problem in raised.value.problems]


@pytest.fixture
def written(tmp_path):
    return Written(tmp_path).agent()

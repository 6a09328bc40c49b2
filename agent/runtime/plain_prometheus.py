"""The part of prometheus_client that writes metrics, without its servers, pushes and metrics of the interpreter: 3 MiB of an agent that is scraped.

Its modules are loaded one by one, under a package whose own code has not run and which is gone again afterwards: whoever imports
prometheus_client later has all of it, but that its servers are of no use.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import PathFinder
from types import ModuleType

from collectors._later import later

_PACKAGE = "prometheus_client"
_FOR_SERVERS_AND_PUSHES = (
    "gzip",
    "http.server",
    "socketserver",
    "ssl",
    "urllib.error",
    "urllib.request",
    "wsgiref.simple_server",
)


@contextmanager
def _bare_package() -> Iterator[None]:
    spec = PathFinder.find_spec(_PACKAGE)
    if _PACKAGE in sys.modules or spec is None:
        yield
        return
    bare = ModuleType(_PACKAGE)
    bare.__path__ = spec.submodule_search_locations or []
    sys.modules[_PACKAGE] = bare
    try:
        yield
    finally:
        del sys.modules[_PACKAGE]


with later(*_FOR_SERVERS_AND_PUSHES), _bare_package():
    from prometheus_client.exposition import generate_latest
    from prometheus_client.metrics_core import (
        CounterMetricFamily,
        GaugeMetricFamily,
        HistogramMetricFamily,
        Metric,
    )
    from prometheus_client.process_collector import ProcessCollector
    from prometheus_client.registry import CollectorRegistry

__all__ = [
    "CollectorRegistry",
    "CounterMetricFamily",
    "GaugeMetricFamily",
    "HistogramMetricFamily",
    "Metric",
    "ProcessCollector",
    "generate_latest",
]

"""The part of prometheus_client that writes metrics, without its servers, pushes and metrics of the interpreter: 3 MiB of an agent that is scraped.

Its modules are loaded one by one, under a package whose own code has not run and which is gone again afterwards: whoever imports
prometheus_client later has all of it, but that its servers are of no use.
"""

from collectors._later import bare_package, later

_FOR_SERVERS_AND_PUSHES = (
    "gzip",
    "http.server",
    "socketserver",
    "ssl",
    "urllib.error",
    "urllib.request",
    "wsgiref.simple_server",
)


with later(*_FOR_SERVERS_AND_PUSHES), bare_package("prometheus_client"):
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

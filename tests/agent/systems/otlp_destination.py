"""OTLP, for the suites of the destinations, in both of its encodings."""

from destination_example import Example

EXAMPLE = Example(credential_key="token")
VARIANTS = {"protobuf": Example(entry={"encoding": "protobuf"}, credential_key="token")}

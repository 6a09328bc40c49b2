"""Dynatrace, for the suites of the destinations, by both versions of its events API."""

from destination_example import Example

from agent.stand_in import Reply

EXAMPLE = Example(
    accepted=Reply(body=b'{"storedEventIds":[7],"storedIds":["7_1"],"storedCorrelationIds":[]}'),
    credential_key="api_token",
)
VARIANTS = {
    "v2": Example(
        entry={"api": "v2"},
        accepted=Reply(201, b'{"reportCount":1,"eventIngestResults":[{"correlationId":"7","status":"OK"}]}'),
        credential_key="api_token",
    )
}

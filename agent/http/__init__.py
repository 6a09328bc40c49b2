"""One HTTP server for everybody: the intake, metrics, the stand-ins and the tests.

`serve(listener, answer, limits)` answers whole requests on a socket that listens, Unix or TCP; what a
request means is the business of `answer`. Nothing in here wakes up while nobody talks to it.
"""

from agent.http.message import Peer, Refusal, Request, Response

__all__ = ["Peer", "Refusal", "Request", "Response"]

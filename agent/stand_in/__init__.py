"""Strict stand-ins for remote systems, to try a configuration against; the command `receiver`, demo and tests embed them.

What a system's rules are is in its folder in `agent.systems`; here is what all of them have: a port, what has
arrived, a report of who broke which rule. A stand-in keeps nothing but what it received.
"""

from agent.http.message import Request
from agent.stand_in.reply import Reply, text
from agent.stand_in.report import Report
from agent.stand_in.server import Received, StandIn
from agent.stand_in.verdict import Found, Problem, Rules, Verdict

__all__ = [
    "Found",
    "Problem",
    "Received",
    "Reply",
    "Report",
    "Request",
    "Rules",
    "StandIn",
    "Verdict",
    "text",
]

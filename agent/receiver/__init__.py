"""A strict stand-in for the StackState receiver, to try a configuration against; demo and tests embed it.

It answers as the real one is documented to, and tells of every event which rule it broke. It keeps
nothing but what it received, and must never be lenient where the real one is not.
"""

from agent.http.message import Request
from agent.receiver.reply import Reply
from agent.receiver.report import Report
from agent.receiver.rules import Checked, Problem, check
from agent.receiver.server import Received, Receiver

__all__ = ["Checked", "Problem", "Received", "Receiver", "Reply", "Report", "Request", "check"]

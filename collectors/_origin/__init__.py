"""Who changed something: evidence of several kinds as values, and one pure function that decides from them.

What this host says of who was at work (a package's log, a report of Puppet, open sessions, what the kernel and systemd
tell of processes and jobs) becomes a `Claim` each; `decide` makes one `Origin` of them. What is contradictory, or only
happened at the same time, is `unknown`: a wrong name is worse than none.
"""

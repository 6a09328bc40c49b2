"""The private parts of `collectors.packages`: one module a package manager, and what they share."""

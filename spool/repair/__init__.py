"""What is done about a database that SQLite refuses: moved aside, replaced, and its rows brought back."""

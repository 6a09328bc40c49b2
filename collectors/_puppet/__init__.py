"""The private parts of the `puppet` collector: finding reports, reading them, telling the run."""

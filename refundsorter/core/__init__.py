"""The pure core: values and decisions; no I/O, no threads, no clock."""

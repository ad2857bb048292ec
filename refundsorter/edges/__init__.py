"""The edges: each imports the core and one outside thing."""

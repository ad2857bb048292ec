"""refundsorter: sorts photos of returned goods into the folders of their departments."""

__version__ = "0.1.0"

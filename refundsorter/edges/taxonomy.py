"""The taxonomy's file."""

from pathlib import Path

from refundsorter.core.fault import ConfigurationInvalid
from refundsorter.core.taxonomy import Taxonomy
from refundsorter.edges import plain_yaml


def read_taxonomy(path: Path) -> Taxonomy:
    """Read the taxonomy's file.

    Raises:
        ConfigurationInvalid: It is missing, no plain YAML, or wrong.
    """
    try:
        document = plain_yaml.load(path)
    except OSError as error:
        raise ConfigurationInvalid([f"taxonomy: {path}: {error.strerror}"]) from error
    except plain_yaml.NotPlain as unplain:
        raise ConfigurationInvalid(unplain.at(path)) from unplain
    return Taxonomy.from_mapping(document, where=str(path))

"""Training: the only users of TensorFlow. The daemon never imports this package."""

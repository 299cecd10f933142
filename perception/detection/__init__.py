"""From a picture to boxes: preparation, the families of models, what overlaps."""

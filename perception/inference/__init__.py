"""Models: the catalogue, the file that is checked before it is believed, ONNX Runtime."""

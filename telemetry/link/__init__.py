"""The MQTT connection: transports behind one seam, dialling, the publisher and its window."""

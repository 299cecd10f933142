"""What the hub sees: the messages, the durable outbox and the MQTT publisher."""

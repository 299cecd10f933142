"""The microcontroller boards behind the unit's computer, each on one UART or USB line.

- `runtime/`: the link while the unit works: frames (COBS, CRC-32, sequence, acknowledgement),
  heartbeat, and the dead-man switch on the board that turns all off when the host falls silent;
- `management/`: what a technician does to a board: identity, settings, images;
- `simulated/`: boards that are programs and speak both, for tests and for the bench;
- `reference/`: the board's side of the link in C99, for firmware engineers.

It may import `config` and `drivers`, and knows nothing of cameras, models or MQTT.
"""

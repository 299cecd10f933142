"""The microcontroller boards behind the unit's computer.

What will live here, on one UART or USB line:

- the run-time link: frames (COBS, CRC-32, sequence and acknowledgement), heartbeat, and the
  dead-man switch on the board that turns actuators off when the host falls silent;
- the management plane: firmware upload and image slots over MCUmgr SMP;
- a simulated board that speaks both, for tests and for the bench.

It may import `config` and `drivers`, and knows nothing of cameras, models or MQTT.
"""

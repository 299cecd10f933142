"""What goes over the wire: the messages of contract v1, their envelope, topics and types."""

"""Commands about the body of a unit: its devices, its boards, their simulators."""

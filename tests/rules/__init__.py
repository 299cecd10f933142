"""Tests of zones, rules and alerts, and the scripted scenes that rules are judged by."""
